package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * What neither the library nor one kernel computes is put together from what they do, in sizes that
 * the conformance suite does not have; nothing of it is left to the reference's code.
 */
class OneDnnExpansionTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);

  /** Strided, dilated, and padded by more on one side than on the other. */
  private static final Window UNEVEN =
      new Window(List.of(2L, 1L), List.of(1L, 0L), List.of(2L, 3L), List.of(1L, 2L));

  private static final Window CROPPING =
      new Window(List.of(1L, 2L), List.of(-1L, 2L), List.of(1L, -2L), List.of(1L, 1L));

  private record Case(String name, Graph graph) {}

  private static Case of(String name, Op op, TensorType... operands) {
    var g = new GraphBuilder();
    var inputs = Arrays.stream(operands).map(g::input).toList();
    return new Case(name, g.build(List.of(g.addAll(op, inputs).getFirst())));
  }

  private static Stream<Case> cases() {
    return Stream.of(
            Stream.of(DType.F32, DType.BF16).flatMap(OneDnnExpansionTest::convolutions),
            pools(),
            products(),
            others())
        .flatMap(c -> c);
  }

  private static Stream<Case> convolutions(DType dtype) {
    return Stream.of(UNEVEN, CROPPING)
        .flatMap(
            window ->
                Stream.of(1L, 3L, 12L).flatMap(groups -> convolutions(dtype, window, groups)));
  }

  private static Stream<Case> convolutions(DType dtype, Window window, long groups) {
    var x = TensorType.of(dtype, 2, 12, 17, 23);
    var filter = TensorType.of(dtype, 12, 12 / groups, 3, 3);
    var forward = new Primitive.Convolution(window, groups, dtype);
    var y = forward.infer(List.of(x, filter)).getFirst();
    var suffix = " %s of %d groups, %s".formatted(dtype, groups, window.low());
    return Stream.of(
        of("convolution" + suffix, forward, x, filter),
        of(
            "gradient of x" + suffix,
            new Primitive.ConvolutionInputGradient(window, groups, x.shape(), dtype),
            y,
            filter),
        of(
            "gradient of the filter" + suffix,
            new Primitive.ConvolutionFilterGradient(window, groups, filter.shape(), dtype),
            x,
            y));
  }

  private static Stream<Case> pools() {
    var x = TensorType.of(DType.F32, 2, 5, 17, 23);
    var size = Shape.of(3, 2);
    var window = new Window(List.of(2L, 2L), List.of(1L, 0L), List.of(2L, 1L), List.of(1L, 1L));
    return Stream.of(PoolKind.MAX, PoolKind.AVERAGE)
        .map(
            kind -> {
              var pooled =
                  new Primitive.Pool(kind, size, window, false).infer(List.of(x)).getFirst();
              var gradient = new Primitive.PoolGradient(kind, size, window, false);
              return of("gradient of pool " + kind, gradient, x, pooled);
            });
  }

  /** 2,000 products of bytes are more than f32 sums exactly. */
  private static Stream<Case> products() {
    var bytes = List.of(DType.I8, DType.U8);
    return bytes.stream()
        .flatMap(
            left ->
                bytes.stream()
                    .map(
                        right ->
                            of(
                                "dot %s %s".formatted(left, right),
                                new Primitive.DotGeneral(
                                    List.of(), List.of(), List.of(1), List.of(0), DType.I32),
                                TensorType.of(left, 5, 2000),
                                TensorType.of(right, 2000, 37))));
  }

  private static Stream<Case> others() {
    var x = TensorType.of(DType.F32, 3, 700, 29);
    var bf16 = TensorType.of(DType.BF16, 40, 30);
    var bytes = TensorType.of(DType.I8, 90, 11);
    var indices = TensorType.of(DType.U8, 25, 30); // Below 50: the rows of the operand.
    var rows = TensorType.of(DType.BF16, 50, 30);
    return Stream.of(
        of("running sum", new Primitive.Cumulate(ReduceKind.SUM, 1, false, true), x),
        of("running maximum", new Primitive.Cumulate(ReduceKind.MAX, 2, true, false), x),
        of("running product", new Primitive.Cumulate(ReduceKind.PROD, 0, false, false), bytes),
        of("running sum of bf16", new Primitive.Cumulate(ReduceKind.SUM, 1, false, false), bf16),
        of(
            "scattered elements",
            new Primitive.ScatterElements(ScatterKind.ADD, 0),
            rows,
            indices,
            TensorType.of(DType.BF16, 25, 30)),
        of("remainder", new Primitive.Binary(BinaryKind.REM), bytes, bytes),
        of("bitcast", new Primitive.Bitcast(DType.I64), TensorType.of(DType.I64, 3, 5)));
  }

  @TestFactory
  Stream<DynamicTest> agreesWithTheReference() {
    return cases()
        .filter(c -> !c.name.equals("remainder")) // Of a division by zero some number.
        .map(c -> DynamicTest.dynamicTest(c.name, () -> Agreement.check(c.graph)));
  }

  @TestFactory
  Stream<DynamicTest> nothingIsLeftToTheReferencesCode() {
    return cases()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.name,
                    () -> {
                      try (var executable =
                          Engines.compile(c.graph, DEVICE, CompileOptions.DEFAULT)) {
                        var steps = executable.explain();
                        assertFalse(steps.contains("reference "), steps);
                      }
                    }));
  }
}
