package dev.gamelan.onnx;

import dev.gamelan.ir.Graph;
import dev.gamelan.onnx.proto.ElementType;
import dev.gamelan.onnx.proto.ModelProto;
import dev.gamelan.onnx.proto.ValueInfoProto;
import dev.gamelan.onnx.proto.ValueInfoProto.Kind;
import dev.gamelan.onnx.read.ModelFile;
import dev.gamelan.onnx.read.Program;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A model of an ONNX file. It runs as one executable for each signature of its inputs, on any
 * engine; sizes that the file leaves open are bound when it is called. Where shapes depend on data,
 * it runs as compiled parts around steps on the host. May be used from any thread.
 *
 * <p>The file is mapped and not copied; weights become tensors at the first call on a device.
 */
public final class OnnxModel {
  private final ModelFile file;
  private final Program program;

  private OnnxModel(ModelFile file) {
    this.file = file;
    this.program = file.program();
  }

  /**
   * An input or output.
   *
   * @param dtype empty if it is no tensor of numbers
   * @param shape sizes, and names where they are open; empty if even the rank is open
   */
  public record Port(String name, Optional<DType> dtype, Optional<List<String>> shape) {
    /** Such as {@code input_ids: i64[batch,sequence]}. */
    @Override
    public String toString() {
      var sizes = shape.map(s -> "[" + String.join(",", s) + "]").orElse("[…]");
      return name + ": " + dtype.map(DType::toString).orElse("no tensor of numbers") + sizes;
    }
  }

  /**
   * Opens a file; tensors that lie beside it are opened when they are needed.
   *
   * @throws OnnxException if it is no ONNX model, or a damaged one
   */
  public static OnnxModel load(Path file) throws IOException {
    return new OnnxModel(ModelFile.open(file));
  }

  static OnnxModel of(ModelFile file) {
    return new OnnxModel(file);
  }

  /** What it takes, in the file's order, without the tensors that the file gives itself. */
  public List<Port> inputs() {
    return file.inputs().stream().map(OnnxModel::port).toList();
  }

  public List<Port> outputs() {
    return proto().graph().outputs().stream().map(OnnxModel::port).toList();
  }

  private ModelProto proto() {
    return file.model();
  }

  private static Port port(ValueInfoProto info) {
    var type = info.type();
    var shape =
        type.shape().map(dims -> dims.stream().map(ValueInfoProto.Dimension::toString).toList());
    var dtype =
        type.kind() == Kind.TENSOR
            ? ElementType.dtype(type.elementType())
            : Optional.<DType>empty();
    return new Port(info.name(), dtype, shape);
  }

  /**
   * The outputs by name, lazily.
   *
   * @throws IllegalArgumentException if an input is missing, left over, or of another type
   * @throws OnnxException if the model has something that can't be imported, naming it
   */
  public Map<String, Tensor> run(Map<String, Tensor> inputs) {
    return file.named(program, inputs);
  }

  /**
   * The graph for inputs of these types, to look at. Its inputs are those of the model that it
   * needs, then the weights.
   *
   * @throws OnnxException if shapes depend on the inputs' numbers
   */
  public Graph graph(Map<String, TensorType> types) {
    file.checkInputs(types);
    return program.plan(types).graph();
  }

  /** With all floating-point weights as parameters. */
  public OnnxLayer asLayer() {
    return asLayer(name -> true);
  }

  /** With those initializers as parameters whose names {@code trainable} takes. */
  public OnnxLayer asLayer(Predicate<String> trainable) {
    return new OnnxLayer(file, trainable);
  }

  /** Whether shapes depend on data, so that each call has steps on the host; known after a call. */
  public boolean isStepwise() {
    return program.isStepwise();
  }

  /**
   * Inputs, outputs, operators with counts, parameters, opsets, size, and what can't be imported.
   */
  public String summary() {
    return Summary.of(file);
  }
}
