package dev.gamelan.onnx;

import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import ai.onnxruntime.OrtException;
import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.onnx.read.HostTensors;
import dev.gamelan.tck.OpSpec;
import dev.gamelan.tck.OpSpecs;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every case of the conformance suite is written as an ONNX model: ONNX Runtime gives what the
 * reference gives, and so does the model when it is read again.
 */
class OpRoundTripTest {
  /** Of the largest element. */
  private static final double TOLERANCE = 1e-5;

  private static final Set<DType> DTYPES = Set.of(DType.F32, DType.I32, DType.I64, DType.BOOL);

  /** Where the models stay, for tools/check_onnx.py. */
  private static final String KEEP = System.getProperty("gamelan.onnx.keep");

  @TempDir static Path folder;

  @TestFactory
  Stream<DynamicTest> onnxRuntimeGivesWhatTheReferenceGives() {
    return OpSpecs.all().stream()
        .flatMap(
            spec ->
                spec.dtypes().stream()
                    .filter(DTYPES::contains)
                    .map(
                        dtype ->
                            DynamicTest.dynamicTest(
                                spec.op() + " " + dtype, () -> check(spec, dtype))));
  }

  /** ONNX Runtime has few of their kernels; tools/check_onnx.py says that the models are valid. */
  @TestFactory
  Stream<DynamicTest> modelsOfOtherDtypesGiveTheSameWhenTheyAreReadAgain() {
    return OpSpecs.all().stream()
        .flatMap(
            spec ->
                spec.dtypes().stream()
                    .filter(dtype -> !dtype.isStorage() && !DTYPES.contains(dtype))
                    .map(
                        dtype ->
                            DynamicTest.dynamicTest(
                                spec.op() + " " + dtype, () -> check(spec, dtype))));
  }

  private static void check(OpSpec spec, DType dtype) throws IOException {
    long seed = spec.op().hashCode();
    for (var c : spec.cases().apply(dtype)) {
      seed++;
      // ONNX leaves infinities, NaN and the extremes of integers to the runtime.
      if (c.special()) continue;
      var graph = c.graph();
      var types = graph.inputTypes();
      boolean bitcast = c.op() instanceof Primitive.Bitcast;
      boolean empty =
          Stream.concat(types.stream(), graph.outputTypes().stream()).anyMatch(t -> t.size() == 0);
      boolean custom = c.op() instanceof Primitive.CustomCall;
      boolean judged =
          Stream.concat(types.stream(), graph.outputTypes().stream())
              .allMatch(t -> OnnxRuntime.type(t.dtype()).isPresent());
      boolean old =
          graph.outputTypes().stream()
                  .anyMatch(
                      t ->
                          Set.of(DType.F8E8M0, DType.F4E2M1, DType.I2, DType.U2)
                              .contains(t.dtype()))
              || types.stream().anyMatch(t -> t.dtype().isStorage() && t.dtype().bits() < 4);
      if (bitcast || custom || empty || old) continue;
      if (DTYPES.contains(dtype) && !judged) continue;
      var random = new SplittableRandom(seed);
      var inputs = new LinkedHashMap<String, Array>();
      for (var array : c.arrays(random)) inputs.put("x" + inputs.size(), array);
      // Its CPU provider has no f64 convolutions and pools, in which ours of integers are written.
      boolean windows = c.op().name().matches("convolution.*|pool");
      check(graph, inputs, DTYPES.contains(dtype) && (dtype.isFloat() || !windows));
    }
  }

  static void check(Graph graph, Map<String, Array> inputs, boolean runs) throws IOException {
    var file = folder.resolve("model.onnx");
    var outputs = IntStream.range(0, graph.outputs().size()).mapToObj(i -> "y" + i).toList();
    OnnxExport.write(file, graph, List.copyOf(inputs.keySet()), outputs, Map.of());
    if (KEEP != null)
      Files.copy(file, Path.of(KEEP, "%08x.onnx".formatted(graph.hashCode())), REPLACE_EXISTING);
    var expected = ReferenceKernels.run(graph, List.copyOf(inputs.values()));
    try {
      if (runs)
        compare(
            "ONNX Runtime, " + graph, expected, OnnxRuntime.run(file, inputs, graph.outputTypes()));
    } catch (OrtException e) {
      fail(graph + ": " + e.getMessage());
    }
    var tensors = new LinkedHashMap<String, Tensor>();
    inputs.forEach((name, array) -> tensors.put(name, HostTensors.constant(array)));
    var read = new ArrayList<Array>();
    OnnxModel.load(file)
        .run(tensors)
        .values()
        .forEach(tensor -> read.add(HostTensors.array(tensor)));
    compare("read again, " + graph, expected, read);
  }

  private static void compare(String what, List<Array> expected, List<Array> actual) {
    for (int i = 0; i < expected.size(); i++) {
      var want = expected.get(i);
      var got = actual.get(i);
      assertEquals(want.type(), got.type(), what);
      double scale = 0;
      if (want.type().dtype().isFloat()) {
        for (double x : want.floats()) if (Double.isFinite(x)) scale = Math.max(scale, Math.abs(x));
      }
      for (int e = 0; e < want.size(); e++) {
        if (want.type().dtype().isFloat()) {
          // A few roundings of the narrow formats, where several operators are written for one.
          double epsilon = want.type().dtype().format().epsilon();
          double tolerance = Math.max(TOLERANCE, epsilon > 1e-4 ? 16 * epsilon : 0) * scale;
          assertEquals(want.floats()[e], got.floats()[e], tolerance, what + " at " + e);
        } else {
          assertEquals(want.integers()[e], got.integers()[e], what + " at " + e);
        }
      }
    }
  }

  /** Three times x ↦ 2x + w. */
  @Test
  void aScanOfNothingButStepsGetsASequence() throws IOException {
    var x = TensorType.of(DType.F32, 2);
    var body =
        GraphBuilder.trace(
            List.of(x, x),
            (b, v) -> List.of(b.add(b.mul(v.getFirst(), 2), v.get(1)), v.getFirst()));
    var graph =
        GraphBuilder.trace(
            List.of(x, x), (g, v) -> g.addAll(new Primitive.Scan(body, 3, 1, 0, false), v));
    var inputs = new LinkedHashMap<String, Array>();
    inputs.put("x", Array.of(x, new double[] {1, 2}));
    inputs.put("w", Array.of(x, new double[] {3, -1}));
    check(graph, inputs, true);
  }
}
