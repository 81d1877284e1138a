package dev.gamelan.onnx.read;

import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.proto.ElementType;
import dev.gamelan.onnx.proto.ModelProto;
import dev.gamelan.onnx.proto.TensorProto;
import dev.gamelan.onnx.proto.ValueInfoProto;
import dev.gamelan.onnx.proto.ValueInfoProto.Kind;
import dev.gamelan.onnx.proto.WireReader;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** A model file, mapped for as long as anything of it is reachable. */
public final class ModelFile {
  private static final long OLDEST_OPSET = 1;
  private static final long NEWEST_OPSET = 28;

  /** Inputs of operators that are no weights. */
  private static final Map<String, Set<Integer>> SETTINGS =
      Map.of(
          "BatchNormalization", Set.of(3, 4),
          "Clip", Set.of(1, 2),
          "DequantizeLinear", Set.of(1, 2),
          "OneHot", Set.of(1, 2),
          "Pad", Set.of(2),
          "QuantizeLinear", Set.of(1, 2),
          "Range", Set.of(0, 1, 2),
          "Resize", Set.of(1, 2, 3),
          "Upsample", Set.of(1));

  private final ModelProto model;
  private final ExternalData files;
  private final List<ValueInfoProto> inputs;
  private final long size;

  private ModelFile(ModelProto model, ExternalData files, long size) {
    this.model = model;
    this.files = files;
    this.size = size;
    var given = new HashMap<String, TensorProto>();
    model.graph().initializers().forEach(tensor -> given.put(tensor.name(), tensor));
    this.inputs =
        model.graph().inputs().stream().filter(input -> !given.containsKey(input.name())).toList();
  }

  public static ModelFile open(Path file) throws IOException {
    if (Files.isDirectory(file)) throw new OnnxException(file + " is a folder, no ONNX model");
    var arena = Arena.ofAuto();
    try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
      var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      ModelProto model;
      try {
        model = ModelProto.parse(new WireReader(bytes));
      } catch (OnnxException e) {
        throw new OnnxException(file + ": " + e.getMessage(), e);
      }
      check(file, model);
      var folder = file.toAbsolutePath().getParent();
      return new ModelFile(
          model, new ExternalData(folder == null ? file : folder, arena), channel.size());
    }
  }

  private static void check(Path file, ModelProto model) {
    if (model.graph().nodes().isEmpty() && model.graph().outputs().isEmpty()) {
      throw new OnnxException(file + ": no ONNX model: it has no graph");
    }
    long opset = model.opsets().getOrDefault("", NEWEST_OPSET);
    if (opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
      throw new OnnxException(
          "%s: is of opset %d; opsets %d to %d are read; convert it with onnx.version_converter, or export it again"
              .formatted(file, opset, OLDEST_OPSET, NEWEST_OPSET));
    }
  }

  public ModelProto model() {
    return model;
  }

  /** Those that a caller gives. */
  public List<ValueInfoProto> inputs() {
    return inputs;
  }

  public long size() {
    return size;
  }

  public Program program() {
    return new Program(model, files, Map.of());
  }

  /** The outputs by name. */
  public Map<String, Tensor> named(Program program, Map<String, Tensor> given) {
    var types = new LinkedHashMap<String, TensorType>();
    given.forEach((name, tensor) -> types.put(name, tensor.type()));
    checkInputs(types);
    var results = program.run(given);
    var named = new LinkedHashMap<String, Tensor>();
    for (int i = 0; i < results.size(); i++) {
      named.put(model.graph().outputs().get(i).name(), results.get(i));
    }
    return named;
  }

  /**
   * The initializers that may be trained: floating-point tensors of rank 1 and more, but for those
   * that only tell an operator what to do, and the statistics of batch norms.
   */
  public Map<String, Operand.Weight> parameters() {
    var parameters = new LinkedHashMap<String, Operand.Weight>();
    for (var tensor : trainable()) {
      parameters.put(
          tensor.name(), new Operand.Weight(tensor.name(), tensor.type(), files.bytes(tensor)));
    }
    return parameters;
  }

  /** As {@link #parameters}, without looking for their elements. */
  public List<TensorProto> trainable() {
    var used = new HashSet<String>();
    for (var node : model.graph().nodes()) {
      var settings = SETTINGS.getOrDefault(node.opType(), Set.of());
      for (int i = 0; i < node.inputs().size(); i++) {
        if (!settings.contains(i)) used.add(node.inputs().get(i));
      }
    }
    return model.graph().initializers().stream()
        .filter(tensor -> used.contains(tensor.name()) && trains(tensor.type()))
        .toList();
  }

  private static boolean trains(TensorType type) {
    return type.dtype().isFloat() && !type.dtype().isStorage() && type.rank() > 0;
  }

  /** What is wrong with the first initializer whose elements can't be had. */
  public Optional<String> unreadable() {
    try {
      model.graph().initializers().forEach(files::bytes);
      return Optional.empty();
    } catch (OnnxException e) {
      return Optional.ofNullable(e.getMessage());
    }
  }

  /**
   * Compares what is given with what the file declares.
   *
   * @throws IllegalArgumentException naming what is missing, left over, or of another type
   */
  public void checkInputs(Map<String, TensorType> given) {
    var sizes = new HashMap<String, Long>();
    for (var input : inputs) {
      var type = given.get(input.name());
      if (type == null) {
        if (input.type().kind() == Kind.OPTIONAL) continue;
        throw new IllegalArgumentException(
            "the model needs '%s: %s'; got %s".formatted(input.name(), input.type(), given));
      }
      check(input, type, sizes);
    }
    for (var name : given.keySet()) {
      if (inputs.stream().noneMatch(input -> input.name().equals(name))) {
        throw new IllegalArgumentException(
            "the model has no input '%s'; it takes %s"
                .formatted(
                    name,
                    inputs.stream().map(ValueInfoProto::name).collect(Collectors.joining(", "))));
      }
    }
  }

  private static void check(ValueInfoProto input, TensorType type, Map<String, Long> sizes) {
    var declared = input.type();
    if (declared.kind() == Kind.UNKNOWN || declared.kind() == Kind.OPTIONAL) return;
    boolean fits =
        declared.kind() == Kind.TENSOR
            && ElementType.dtype(declared.elementType()).filter(type.dtype()::equals).isPresent();
    var dims = declared.shape().orElse(List.of());
    if (declared.shape().isPresent()) fits &= dims.size() == type.rank();
    for (int i = 0; fits && i < dims.size(); i++) {
      var dim = dims.get(i);
      long size = type.dim(i);
      if (dim.size() >= 0) {
        fits = dim.size() == size;
      } else if (!dim.name().isEmpty()) {
        var before = sizes.putIfAbsent(dim.name(), size);
        if (before != null && before != size) {
          throw new IllegalArgumentException(
              "'%s' is %s; got %s, while another input has %d for '%s'"
                  .formatted(input.name(), declared, type, before, dim.name()));
        }
      }
    }
    if (!fits) {
      throw new IllegalArgumentException(
          "'%s' is %s; got %s; convert or reshape it".formatted(input.name(), declared, type));
    }
  }
}
