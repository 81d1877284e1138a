package dev.gamelan.onnx;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.onnx.proto.ElementType;
import dev.gamelan.onnx.proto.TensorProto;
import dev.gamelan.onnx.proto.ValueInfoProto;
import dev.gamelan.onnx.proto.ValueInfoProto.Kind;
import dev.gamelan.onnx.proto.WireReader;
import dev.gamelan.onnx.read.HostTensors;
import dev.gamelan.onnx.read.ModelFile;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Runs directories in the layout of the standard's own tests: {@code model.onnx} beside {@code
 * test_data_set_N} with {@code input_I.pb} and {@code output_I.pb}. Cases whose inputs and outputs
 * are not all tensors of numbers are skipped.
 *
 * @see <a href="https://github.com/onnx/onnx/blob/main/docs/OnnxBackendTest.md">their
 *     description</a>
 */
public final class NodeTests {
  private static final double RELATIVE = 1e-3;
  private static final double ABSOLUTE = 1e-7;

  /** How a case went. */
  public enum Outcome {
    PASSED,
    FAILED,
    SKIPPED
  }

  /**
   * One case.
   *
   * @param operators those of the model
   * @param reason why it failed or was skipped; "" if it passed
   */
  public record Result(String name, String operators, Outcome outcome, String reason) {}

  private NodeTests() {}

  /** The directories below {@code root} that hold a model, in order. */
  public static List<Path> find(Path root) throws IOException {
    try (var files = Files.walk(root)) {
      return files
          .filter(file -> file.endsWith("model.onnx"))
          .map(Path::getParent)
          .sorted()
          .toList();
    }
  }

  /** Runs the case of {@code directory} on the current device. */
  public static Result run(Path directory) {
    var name = String.valueOf(directory.getFileName());
    var operators = "?";
    try {
      var file = ModelFile.open(directory.resolve("model.onnx"));
      var graph = file.model().graph();
      operators =
          graph.nodes().stream().map(n -> n.operator()).distinct().collect(Collectors.joining(","));
      for (var ports : List.of(graph.inputs(), graph.outputs())) {
        for (var port : ports) {
          if (!isNumeric(port)) {
            var reason = "'%s' is %s, no tensor of numbers".formatted(port.name(), port.type());
            return new Result(name, operators, Outcome.SKIPPED, reason);
          }
        }
      }
      var model = OnnxModel.of(file);
      for (var data : dataSets(directory)) check(file, model, data);
      return new Result(name, operators, Outcome.PASSED, "");
    } catch (IOException | RuntimeException | AssertionError | StackOverflowError e) {
      return new Result(name, operators, Outcome.FAILED, reason(e));
    }
  }

  private static String reason(Throwable e) {
    var message = e.getMessage();
    boolean expected = e instanceof OnnxException || e instanceof Difference;
    if (expected && message != null) return message;
    return e.getClass().getSimpleName() + ": " + message;
  }

  private static boolean isNumeric(ValueInfoProto port) {
    return port.type().kind() == Kind.TENSOR && port.type().elementType() != ElementType.STRING;
  }

  private static List<Path> dataSets(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      return files
          .filter(file -> String.valueOf(file.getFileName()).startsWith("test_data_set_"))
          .sorted()
          .toList();
    }
  }

  private static void check(ModelFile file, OnnxModel model, Path data) throws IOException {
    var inputs = inputs(file, data);
    // Random operators have no expected numbers but those of one generator.
    var outputs = RandomKey.of(0).use(() -> evaluated(model, inputs));
    int index = 0;
    for (var output : outputs.entrySet()) {
      var path = data.resolve("output_%d.pb".formatted(index++));
      if (Files.exists(path)) compare(output.getKey(), read(path), output.getValue());
    }
  }

  /** The inputs of the first data set of a case. */
  static Map<String, Tensor> inputs(Path directory) throws IOException {
    return inputs(ModelFile.open(directory.resolve("model.onnx")), dataSets(directory).getFirst());
  }

  private static Map<String, Tensor> inputs(ModelFile file, Path data) throws IOException {
    var inputs = new LinkedHashMap<String, Tensor>();
    var declared = file.model().graph().inputs();
    for (int i = 0; i < declared.size(); i++) {
      var path = data.resolve("input_%d.pb".formatted(i));
      var name = declared.get(i).name();
      boolean given = file.inputs().stream().anyMatch(input -> input.name().equals(name));
      if (given && Files.exists(path)) inputs.put(name, HostTensors.constant(read(path)));
    }
    return inputs;
  }

  private static Map<String, Array> evaluated(OnnxModel model, Map<String, Tensor> inputs) {
    var arrays = new LinkedHashMap<String, Array>();
    model.run(inputs).forEach((name, tensor) -> arrays.put(name, HostTensors.array(tensor)));
    return arrays;
  }

  private static Array read(Path path) throws IOException {
    var tensor = TensorProto.parse(new WireReader(MemorySegment.ofArray(Files.readAllBytes(path))));
    var array = Array.zeros(tensor.type());
    array.read(tensor.bytes());
    return array;
  }

  /** An output that is not what the case expects. */
  private static final class Difference extends RuntimeException {
    private static final long serialVersionUID = 1;

    Difference(String message) {
      super(message);
    }
  }

  private static void compare(String name, Array expected, Array actual) {
    if (!expected.type().equals(actual.type())) {
      throw new Difference(
          "'%s' is %s; expected %s".formatted(name, actual.type(), expected.type()));
    }
    var differing = new ArrayList<String>();
    for (int i = 0; i < expected.size(); i++) {
      if (!isClose(expected, actual, i)) {
        differing.add("[%d] %s, expected %s".formatted(i, text(actual, i), text(expected, i)));
      }
    }
    if (!differing.isEmpty()) {
      throw new Difference(
          "'%s' %s differs in %d of %d elements: %s"
              .formatted(
                  name,
                  expected.type(),
                  differing.size(),
                  expected.size(),
                  String.join("; ", differing.subList(0, Math.min(3, differing.size())))));
    }
  }

  private static String text(Array array, int index) {
    return array.type().dtype().isFloat()
        ? Double.toString(array.floats()[index])
        : Long.toString(array.integers()[index]);
  }

  private static boolean isClose(Array expected, Array actual, int index) {
    if (expected.type().dtype().isFloat()) {
      double want = expected.floats()[index];
      double got = actual.floats()[index];
      if (Double.isNaN(want) || Double.isInfinite(want)) return Double.compare(want, got) == 0;
      return Math.abs(want - got) <= ABSOLUTE + RELATIVE * Math.abs(want);
    }
    long want = expected.integers()[index];
    long got = actual.integers()[index];
    return want == got || Math.abs((double) want - got) <= RELATIVE * Math.abs((double) want);
  }
}
