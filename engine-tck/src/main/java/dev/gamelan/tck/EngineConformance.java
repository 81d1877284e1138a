package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.autodiff.ReverseMode;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** Every row of {@link OpSpecs}, forward and gradient, against the reference. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class EngineConformance {
  private static final int DEFAULT_PROGRAMS = 200;
  private static final int DEFAULT_CONVOLUTIONS = 40;
  private static final int LONG_CHAIN = 4000;

  private final SupportMatrix matrix = new SupportMatrix();

  protected abstract Device device();

  @TestFactory
  Stream<DynamicTest> everyOpComputesWhatTheReferenceDoes() {
    return rows((spec, dtype) -> true, (c, seed) -> forward(c, seed));
  }

  @TestFactory
  Stream<DynamicTest> everyGradientIsTheReferences() {
    return rows(
        (spec, dtype) -> spec.differentiable() && dtype.isFloat() && !dtype.isStorage(),
        (c, seed) -> backward(c, seed));
  }

  @Test
  void aTensorOfADtypeThatTheEngineLacksIsRefusedByName() {
    var lacking =
        EnumSet.complementOf(EnumSet.copyOf(Engines.get(device().engine()).dtypes(device())));
    for (var dtype : lacking) {
      if (dtype.isStorage()) continue;
      var refused =
          assertThrows(
              EngineException.class, () -> Engines.allocate(TensorType.of(dtype, 2), device()));
      assertTrue(refused.toString().contains("has no " + dtype), refused.toString());
    }
  }

  @Test
  void inputsOfOtherTypesAreRefused() {
    var graph = Graph.parse("(%0: f32[2]) { %1 = neg %0 : f32[2] return %1 }");
    var wrong = Array.zeros(TensorType.of(DType.F32, 3));
    try (var executable = Engines.compile(graph, device(), CompileOptions.DEFAULT);
        var buffer = EngineRun.upload(device(), wrong)) {
      assertThrows(EngineException.class, () -> executable.run(List.of(buffer)));
      assertThrows(EngineException.class, () -> executable.run(List.of()));
    }
  }

  @Test
  void aCustomCallOfNoEngineIsRefusedWhereverItIs() {
    var call = "custom_call[target=\"nobody\", config=\"\", results=[f32[2]]] %0 : f32[2]";
    var alone = Graph.parse("(%0: f32[2]) { %1 = CALL return %1 }".replace("CALL", call));
    var types = List.of(TensorType.of(DType.F32, 2));
    var inside =
        GraphBuilder.trace(
            types, (g, inputs) -> g.addAll(new Primitive.Scan(alone, 3, 1, 0, false), inputs));
    for (var graph : List.of(alone, inside)) {
      var error =
          assertThrows(
              EngineException.class,
              () -> Engines.compile(graph, device(), CompileOptions.DEFAULT));
      assertTrue(String.valueOf(error.getMessage()).contains("nobody"));
    }
  }

  /** A compiler that runs out of its thread's stack ends the process. */
  @Test
  void aLongChainOfOpsNeedsNoDeepStackOfTheCaller() throws Exception {
    var type = TensorType.of(DType.F32, 1);
    var chain =
        GraphBuilder.trace(
            List.of(type),
            (g, inputs) -> {
              var x = inputs.getFirst();
              for (int i = 0; i < LONG_CHAIN; i++) x = i % 2 == 0 ? g.exp(x) : g.tanh(x);
              return List.of(x);
            });
    var results = new ArrayList<Double>();
    Runnable caller =
        () -> {
          for (int run = 0; run < 2; run++) {
            var x = List.of(Array.zeros(type));
            results.add(EngineRun.run(chain, device(), x).getFirst().floats()[0]);
          }
        };
    var thread = new Thread(null, caller, "shallow", 512 << 10);
    thread.start();
    thread.join();
    assertEquals(2, results.size());
    for (double fixed : results) assertEquals(Math.tanh(Math.exp(fixed)), fixed, 1e-6);
  }

  @Test
  void aDonatedInputIsClosedByTheRunAndOthersAreNot() {
    var graph = Graph.parse("(%0: f32[2], %1: f32[2]) { %2 = add %0, %1 : f32[2] return %2 }");
    var ones = Array.zeros(TensorType.of(DType.F32, 2));
    Arrays.fill(ones.floats(), 1);
    var options = CompileOptions.donating(Set.of(0));
    try (var executable = Engines.compile(graph, device(), options);
        var donated = EngineRun.upload(device(), ones);
        var kept = EngineRun.upload(device(), ones);
        var result = executable.run(List.of(donated, kept)).getFirst()) {
      assertEquals(2, EngineRun.download(result).floats()[1]);
      assertEquals(1, EngineRun.download(kept).floats()[1]);
      assertThrows(EngineException.class, () -> EngineRun.download(donated));
    }
  }

  @Test
  void aCopyIsNoView() {
    var ones = Array.zeros(TensorType.of(DType.F32, 2));
    Arrays.fill(ones.floats(), 1);
    try (var buffer = EngineRun.upload(device(), ones);
        var copy = buffer.copy()) {
      buffer.write(MemorySegment.ofArray(new float[] {5, 5}));
      assertEquals(1, EngineRun.download(copy).floats()[0]);
      assertEquals(5, EngineRun.download(buffer).floats()[0]);
    }
  }

  /** What they give is unspecified; that the process lives on is not. */
  @TestFactory
  Stream<DynamicTest> integerDivisionByZeroOverflowAndWideShiftsNeverCrash() {
    var dtypes = Engines.get(device().engine()).dtypes(device());
    return Stream.of(
            "div", "rem", "pow", "shift_left", "shift_right_logical", "shift_right_arithmetic")
        .flatMap(
            op ->
                dtypes.stream()
                    .filter(dtype -> dtype.isInteger() && !dtype.isStorage())
                    .map(
                        dtype ->
                            DynamicTest.dynamicTest(op + " " + dtype, () -> hazard(op, dtype))));
  }

  private void hazard(String op, DType dtype) {
    var type = dtype + "[7]";
    var graph =
        Graph.parse(
            "(%0: T, %1: T) { %2 = OP %0, %1 : T return %2 }".replace("OP", op).replace("T", type));
    long least = dtype.isUnsigned() ? 0 : -1L << (dtype.bits() - 1);
    var left = Array.zeros(graph.inputTypes().getFirst());
    var right = Array.zeros(graph.inputTypes().getFirst());
    long[] lefts = {1, 0, least, least, -1, 5, 5};
    long[] rights = {0, 0, -1, 0, -1, dtype.bits(), -3};
    for (int i = 0; i < lefts.length; i++) {
      left.integers()[i] = dtype.wrap(lefts[i]);
      right.integers()[i] = dtype.wrap(rights[i]);
    }
    var result = EngineRun.run(graph, device(), List.of(left, right)).getFirst();
    for (long value : result.integers()) {
      if (value != dtype.wrap(value)) throw new AssertionError(value + " is no " + dtype);
    }
  }

  /** Set -Dgamelan.tck.programs=N for more. */
  @TestFactory
  Stream<DynamicTest> randomProgramsAgreeWithTheReference() {
    int programs = Integer.getInteger("gamelan.tck.programs", DEFAULT_PROGRAMS);
    return IntStream.range(0, programs)
        .mapToObj(seed -> DynamicTest.dynamicTest("seed " + seed, () -> program(seed)));
  }

  @TestFactory
  Stream<DynamicTest> randomConvolutionsAndTheirGradientsAgreeWithTheReference() {
    int convolutions = Integer.getInteger("gamelan.tck.convolutions", DEFAULT_CONVOLUTIONS);
    var declared = Engines.get(device().engine()).dtypes(device());
    return Stream.of(DType.F32, DType.BF16)
        .filter(declared::contains)
        .flatMap(
            dtype ->
                IntStream.range(0, convolutions)
                    .mapToObj(
                        seed ->
                            DynamicTest.dynamicTest(
                                dtype + ", seed " + seed, () -> convolution(dtype, seed))));
  }

  /** To target/support-matrix: which ops passed for which dtypes. */
  @AfterAll
  void writeSupportMatrix() throws IOException {
    matrix.write(Path.of("target", "support-matrix", device().engine() + ".md"), device());
  }

  @FunctionalInterface
  private interface RowFilter {
    boolean accepts(OpSpec spec, DType dtype);
  }

  @FunctionalInterface
  private interface CaseCheck {
    void run(OpSpec.Case c, long seed);
  }

  private Stream<DynamicTest> rows(RowFilter filter, CaseCheck check) {
    var dtypes = Engines.get(device().engine()).dtypes(device());
    return OpSpecs.all().stream()
        .flatMap(
            spec ->
                spec.dtypes().stream()
                    .filter(dtype -> filter.accepts(spec, dtype))
                    .filter(dtype -> dtype.isStorage() || dtypes.contains(dtype))
                    .map(
                        dtype ->
                            DynamicTest.dynamicTest(
                                spec.op() + " " + dtype,
                                () -> {
                                  long seed = spec.op().hashCode();
                                  for (var c : spec.cases().apply(dtype)) {
                                    if (c.isOf(dtypes)) check.run(c, seed++);
                                  }
                                  matrix.passed(spec.op(), dtype);
                                })));
  }

  private void forward(OpSpec.Case c, long seed) {
    compare(c.graph(), c.arrays(new SplittableRandom(seed)));
  }

  private void backward(OpSpec.Case c, long seed) {
    if (c.special()) return; // The gradient at infinities is nobody's definition.
    var graph = c.graph();
    var random = new SplittableRandom(seed);
    var arguments = new ArrayList<>(c.arrays(random));
    for (var type : graph.outputTypes()) {
      if (type.dtype().isFloat()) arguments.add(new Values.Range(-1, 1).fill(type, random));
    }
    var parameters =
        IntStream.range(0, graph.inputs().size())
            .filter(i -> graph.inputs().get(i).type().dtype().isFloat())
            .boxed()
            .toList();
    compare(ReverseMode.vjp(graph, parameters), arguments);
  }

  private void program(long seed) {
    var random = new SplittableRandom(seed);
    var program = RandomPrograms.generate(random);
    var inputs = new ArrayList<Array>();
    for (var type : program.inputTypes()) inputs.add(new Values.Range(-2, 2).fill(type, random));
    compare(program, inputs);
    var prepared = Engines.prepare(program, Engines.get(device().engine()));
    Comparison.check(
        "expanded and simplified " + program,
        ReferenceKernels.run(program, inputs),
        ReferenceKernels.run(prepared, inputs));
  }

  private void convolution(DType dtype, long seed) {
    var random = new SplittableRandom(seed);
    var convolution = RandomConvolutions.generate(dtype, random);
    var inputs = new ArrayList<Array>();
    for (var type : convolution.inputTypes()) {
      inputs.add(new Values.Range(-1, 1).fill(type, random));
    }
    compare(convolution, inputs);
    inputs.add(new Values.Range(-1, 1).fill(convolution.outputTypes().getFirst(), random));
    compare(ReverseMode.vjp(convolution, List.of(0, 1)), inputs);
  }

  private void compare(Graph graph, List<Array> inputs) {
    var expected = ReferenceKernels.run(graph, inputs);
    Comparison.check(graph.toString(), expected, EngineRun.run(graph, device(), inputs));
  }
}
