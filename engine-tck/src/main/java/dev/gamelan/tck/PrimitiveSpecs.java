package dev.gamelan.tck;

import static dev.gamelan.tck.OpSpecs.ALL;
import static dev.gamelan.tck.OpSpecs.ANY;
import static dev.gamelan.tck.OpSpecs.COMPUTE;
import static dev.gamelan.tck.OpSpecs.FLOATS;
import static dev.gamelan.tck.OpSpecs.NUMBERS;
import static dev.gamelan.tck.OpSpecs.row;
import static dev.gamelan.tck.OpSpecs.t;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.FftKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.ir.Window;
import dev.gamelan.tck.OpSpec.Case;
import dev.gamelan.tck.Values.Distinct;
import dev.gamelan.tck.Values.Indices;
import dev.gamelan.tck.Values.Range;
import dev.gamelan.tck.Values.Special;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;

/** The rows of the primitives that are not pointwise. */
final class PrimitiveSpecs {
  private PrimitiveSpecs() {}

  static List<OpSpec> all() {
    return Stream.of(
            movement(), reductions(), contractions(), pools(), indexing(), order(), control())
        .flatMap(List::stream)
        .toList();
  }

  private static List<OpSpec> movement() {
    return List.of(
        row(
            "reshape",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(new Primitive.Reshape(Shape.of(3, 4)), ANY, t(d, 2, 6)),
                    Case.of(new Primitive.Reshape(Shape.scalar()), ANY, t(d, 1, 1)),
                    Case.of(new Primitive.Reshape(Shape.of(0, 5)), ANY, t(d, 7, 0)))),
        row(
            "transpose",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(new Primitive.Transpose(List.of(1, 0)), ANY, t(d, 3, 5)),
                    Case.of(new Primitive.Transpose(List.of(2, 0, 1)), ANY, t(d, 2, 3, 4)),
                    Case.of(
                        new Primitive.Transpose(List.of(5, 0, 4, 1, 3, 2)),
                        ANY,
                        t(d, 2, 1, 3, 2, 1, 2)),
                    Case.of(new Primitive.Transpose(List.of()), ANY, t(d)))),
        row(
            "broadcast_in_dim",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(
                        new Primitive.BroadcastInDim(Shape.of(2, 3, 4), List.of(2)), ANY, t(d, 4)),
                    Case.of(
                        new Primitive.BroadcastInDim(Shape.of(2, 3), List.of(0, 1)),
                        ANY,
                        t(d, 2, 1)),
                    Case.of(new Primitive.BroadcastInDim(Shape.of(3), List.of()), ANY, t(d)),
                    Case.of(
                        new Primitive.BroadcastInDim(Shape.of(3, 2), List.of(1, 0)),
                        ANY,
                        t(d, 2, 3)))),
        row(
            "slice",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(
                        new Primitive.Slice(List.of(1L, 0L), List.of(5L, 7L), List.of(2L, 3L)),
                        ANY,
                        t(d, 5, 7)),
                    Case.of(
                        new Primitive.Slice(List.of(2L), List.of(2L), List.of(1L)), ANY, t(d, 4)))),
        row(
            "pad",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(
                            new Primitive.Pad(List.of(1L, -1L), List.of(2L, 1L), List.of(1L, 0L)),
                            ANY,
                            t(d, 3, 4))
                        .and(ANY, t(d)),
                    Case.of(
                            new Primitive.Pad(List.of(-1L), List.of(-2L), List.of(2L)),
                            ANY,
                            t(d, 4))
                        .and(ANY, t(d)))),
        row(
            "concatenate",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(
                        new Primitive.Concatenate(1), ANY, t(d, 2, 1), t(d, 2, 0), t(d, 2, 3)))),
        row(
            "reverse",
            ALL,
            true,
            d -> List.of(Case.of(new Primitive.Reverse(List.of(0, 2)), ANY, t(d, 2, 3, 5)))),
        row(
            "dynamic_slice",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(new Primitive.DynamicSlice(Shape.of(2, 3)), ANY, t(d, 4, 5))
                        .and(new Range(-3, 8), t(DType.I32), t(DType.I32)),
                    Case.of(new Primitive.DynamicSlice(Shape.of(7)), ANY, t(d, 300))
                        .and(new Range(-3, 120), t(DType.I8)))),
        row(
            "dynamic_update_slice",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(new Primitive.DynamicUpdateSlice(), ANY, t(d, 4, 5), t(d, 2, 3))
                        .and(new Range(-3, 8), t(DType.I32), t(DType.I32)))));
  }

  private static List<OpSpec> reductions() {
    return List.of(
        row(
            "reduce",
            COMPUTE,
            true,
            d ->
                Arrays.stream(ReduceKind.values())
                    .filter(
                        kind ->
                            (kind == ReduceKind.AND || kind == ReduceKind.OR)
                                ? !d.isFloat()
                                : !d.isBool())
                    .flatMap(
                        kind ->
                            Stream.of(
                                Case.of(new Primitive.Reduce(kind, List.of(1)), ANY, t(d, 3, 33)),
                                Case.of(
                                    new Primitive.Reduce(kind, List.of(0, 2)), ANY, t(d, 2, 3, 4)),
                                Case.of(new Primitive.Reduce(kind, List.of(0)), ANY, t(d, 0, 2)),
                                Case.of(new Primitive.Reduce(kind, List.of()), ANY, t(d, 2))))
                    .toList()),
        row(
            "arg_reduce",
            NUMBERS,
            false,
            d ->
                Arrays.stream(ArgKind.values())
                    .flatMap(
                        kind ->
                            Stream.of(
                                Case.of(
                                    new Primitive.ArgReduce(kind, 1, DType.I32), ANY, t(d, 3, 7)),
                                Case.of(
                                    new Primitive.ArgReduce(kind, 0, DType.I32),
                                    new Special(),
                                    t(d, 14))))
                    .toList()),
        row(
            "cumulate",
            NUMBERS,
            true,
            d ->
                Stream.of(ReduceKind.SUM, ReduceKind.PROD, ReduceKind.MAX, ReduceKind.MIN)
                    .flatMap(
                        kind ->
                            Stream.of(
                                Case.of(
                                    new Primitive.Cumulate(kind, 1, false, false), ANY, t(d, 2, 5)),
                                Case.of(
                                    new Primitive.Cumulate(kind, 0, true, true), ANY, t(d, 4, 2))))
                    .toList()));
  }

  private static List<OpSpec> contractions() {
    var plain = Window.uniform(2, 1, 1);
    var odd = new Window(List.of(2L, 1L), List.of(0L, 2L), List.of(1L, 1L), List.of(1L, 2L));
    var strided = Window.uniform(1, 2, 0);
    var large = new Window(List.of(2L, 2L), List.of(0L, 1L), List.of(0L, 1L), List.of(1L, 1L));
    var dilated = new Window(List.of(1L, 2L), List.of(1L, 0L), List.of(1L, 0L), List.of(2L, 1L));
    return List.of(
        row(
            "dot_general",
            NUMBERS,
            true,
            d -> {
              var cases = new ArrayList<Case>();
              cases.add(
                  Case.of(
                      new Primitive.DotGeneral(List.of(), List.of(), List.of(1), List.of(0), d),
                      ANY,
                      t(d, 5, 7),
                      t(d, 7, 3)));
              cases.add(
                  Case.of(
                      new Primitive.DotGeneral(
                          List.of(1), List.of(0), List.of(2, 0), List.of(1, 3), d),
                      ANY,
                      t(d, 3, 2, 4),
                      t(d, 2, 4, 5, 3)));
              cases.add(
                  Case.of(
                      new Primitive.DotGeneral(List.of(), List.of(), List.of(0), List.of(0), d),
                      ANY,
                      t(d, 0),
                      t(d, 0)));
              if (d == DType.BF16 || d == DType.F16) {
                cases.add(
                    Case.of(
                        new Primitive.DotGeneral(
                            List.of(), List.of(), List.of(1), List.of(0), DType.F32),
                        ANY,
                        t(d, 5, 7),
                        t(d, 7, 3)));
              }
              if (d == DType.I8 || d == DType.U8) {
                cases.add(
                    Case.of(
                        new Primitive.DotGeneral(
                            List.of(), List.of(), List.of(1), List.of(0), DType.I32),
                        new Range(-128, 127),
                        t(d, 5, 7),
                        t(DType.I8, 7, 3)));
              }
              return cases;
            }),
        row(
            "convolution",
            NUMBERS,
            true,
            d -> {
              var cases = new ArrayList<Case>();
              cases.add(
                  Case.of(
                      new Primitive.Convolution(plain, 1, d),
                      ANY,
                      t(d, 2, 3, 5, 4),
                      t(d, 4, 3, 3, 3)));
              cases.add(
                  Case.of(
                      new Primitive.Convolution(odd, 2, d),
                      ANY,
                      t(d, 1, 4, 6, 7),
                      t(d, 2, 2, 2, 3)));
              cases.add(
                  Case.of(
                      new Primitive.Convolution(Window.uniform(1, 1, 0), 3, d),
                      ANY,
                      t(d, 2, 3, 5),
                      t(d, 3, 1, 2)));
              // At both of its positions the window sees padding alone.
              cases.add(
                  Case.of(
                      new Primitive.Convolution(Window.uniform(1, 2, 1), 1, d),
                      ANY,
                      t(d, 2, 34, 1),
                      t(d, 3, 34, 1)));
              cases.add(
                  Case.of(
                      new Primitive.Convolution(dilated, 1, d),
                      ANY,
                      t(d, 1, 1, 10, 3),
                      t(d, 17, 1, 2, 2)));
              cases.add(
                  Case.of(
                      new Primitive.Convolution(Window.uniform(1, 1, 0), 1, d),
                      ANY,
                      t(d, 2, 1, 3),
                      t(d, 4, 1, 1)));
              if (d == DType.BF16 || d == DType.F16) {
                cases.add(
                    Case.of(
                        new Primitive.Convolution(plain, 1, DType.F32),
                        ANY,
                        t(d, 2, 3, 5, 4),
                        t(d, 4, 3, 3, 3)));
              }
              if (d == DType.I8 || d == DType.U8) {
                cases.add(
                    Case.of(
                        new Primitive.Convolution(plain, 1, DType.I32),
                        new Range(-128, 127),
                        t(d, 2, 3, 5, 4),
                        t(DType.I8, 4, 3, 3, 3)));
              }
              return cases;
            }),
        row(
            "convolution_input_gradient",
            NUMBERS,
            true,
            d ->
                List.of(
                    Case.of(
                        new Primitive.ConvolutionInputGradient(odd, 2, Shape.of(1, 4, 6, 7), d),
                        ANY,
                        t(d, 1, 2, 3, 6),
                        t(d, 2, 2, 2, 3)),
                    // An odd number of blocks of 16 channels, strided.
                    Case.of(
                        new Primitive.ConvolutionInputGradient(strided, 1, Shape.of(1, 48, 6), d),
                        ANY,
                        t(d, 1, 16, 3),
                        t(d, 16, 48, 2)),
                    Case.of(
                        new Primitive.ConvolutionInputGradient(strided, 3, Shape.of(1, 12, 5), d),
                        ANY,
                        t(d, 1, 9, 2),
                        t(d, 9, 4, 2)),
                    Case.of(
                        new Primitive.ConvolutionInputGradient(strided, 38, Shape.of(1, 38, 5), d),
                        ANY,
                        t(d, 1, 38, 2),
                        t(d, 38, 1, 3)),
                    // More places in the filter than in the gradient.
                    Case.of(
                        new Primitive.ConvolutionInputGradient(large, 1, Shape.of(2, 3, 5, 4), d),
                        ANY,
                        t(d, 2, 8, 1, 3),
                        t(d, 8, 3, 4, 2)))),
        row(
            "convolution_filter_gradient",
            NUMBERS,
            true,
            d ->
                List.of(
                    Case.of(
                        new Primitive.ConvolutionFilterGradient(odd, 2, Shape.of(2, 2, 2, 3), d),
                        ANY,
                        t(d, 1, 4, 6, 7),
                        t(d, 1, 2, 3, 6)))));
  }

  private static List<OpSpec> pools() {
    var window = new Window(List.of(2L, 1L), List.of(1L, 0L), List.of(0L, 1L), List.of(1L, 2L));
    var size = Shape.of(2, 3);
    return List.of(
        row(
            "pool",
            NUMBERS,
            true,
            d ->
                Arrays.stream(PoolKind.values())
                    .filter(kind -> d.isFloat() || kind != PoolKind.AVERAGE)
                    .flatMap(
                        kind ->
                            Stream.of(true, false)
                                .map(
                                    count ->
                                        Case.of(
                                            new Primitive.Pool(kind, size, window, count),
                                            new Distinct(),
                                            t(d, 2, 2, 5, 6))))
                    .toList()),
        row(
            "pool_gradient",
            FLOATS,
            true,
            d ->
                Arrays.stream(PoolKind.values())
                    .map(
                        kind ->
                            Case.of(
                                    new Primitive.PoolGradient(kind, size, window, false),
                                    new Distinct(),
                                    t(d, 1, 2, 5, 6))
                                .and(ANY, t(d, 1, 2, 3, 3)))
                    .toList()));
  }

  private static List<OpSpec> indexing() {
    return List.of(
        row(
            "gather",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(new Primitive.Gather(1), ANY, t(d, 2, 5, 3))
                        .and(new Indices(5), t(DType.I32, 2, 2)),
                    Case.of(new Primitive.Gather(0), ANY, t(d, 4))
                        .and(new Indices(4), t(DType.I32)),
                    Case.of(new Primitive.Gather(0), ANY, t(d, 4, 2))
                        .and(new Indices(4), t(DType.I32, 0)),
                    // Longer than the indices can say.
                    Case.of(new Primitive.Gather(0), ANY, t(d, 300))
                        .and(new Indices(200), t(DType.U8, 5)))),
        row(
            "gather_elements",
            ALL,
            true,
            d ->
                List.of(
                    Case.of(new Primitive.GatherElements(1), ANY, t(d, 2, 5))
                        .and(new Indices(5), t(DType.I32, 2, 7)))),
        row(
            "scatter",
            COMPUTE,
            true,
            d ->
                Arrays.stream(ScatterKind.values())
                    .filter(kind -> !d.isBool() || kind == ScatterKind.SET)
                    .map(
                        kind ->
                            Case.of(new Primitive.Scatter(kind, 1), new Distinct(), t(d, 2, 5))
                                .and(new Indices(5), t(DType.I32, 3))
                                .and(ANY, t(d, 2, 3)))
                    .toList()),
        row(
            "scatter_elements",
            COMPUTE,
            true,
            d ->
                Arrays.stream(ScatterKind.values())
                    .filter(kind -> !d.isBool() || kind == ScatterKind.SET)
                    .map(
                        kind ->
                            Case.of(
                                    new Primitive.ScatterElements(kind, 0),
                                    new Distinct(),
                                    t(d, 4, 3))
                                .and(new Indices(4), t(DType.I32, 2, 3))
                                .and(ANY, t(d, 2, 3)))
                    .toList()));
  }

  private static List<OpSpec> order() {
    return List.of(
        row(
            "sort",
            COMPUTE,
            true,
            d ->
                Stream.of(true, false)
                    .flatMap(
                        down ->
                            Stream.of(
                                Case.of(new Primitive.Sort(1, down), new Distinct(), t(d, 2, 9))
                                    .and(ANY, t(DType.F32, 2, 9)),
                                Case.of(new Primitive.Sort(0, down), ANY, t(d, 7, 1)),
                                Case.of(new Primitive.Sort(0, down), new Special(), t(d, 28))
                                    .and(new Distinct(), t(DType.I32, 28))))
                    .toList()),
        row(
            "top_k",
            NUMBERS,
            true,
            d ->
                List.of(
                    Case.of(new Primitive.TopK(3), new Distinct(), t(d, 2, 7)),
                    Case.of(new Primitive.TopK(0), ANY, t(d, 2)))),
        row(
            "fft",
            EnumSet.of(DType.F32, DType.F64),
            true,
            d -> {
              var cases = new ArrayList<Case>();
              for (long n : new long[] {1, 5, 8}) {
                cases.add(Case.of(new Primitive.Fft(FftKind.FORWARD, 1, n), ANY, t(d, 2, n, 2)));
                cases.add(Case.of(new Primitive.Fft(FftKind.INVERSE, 0, n), ANY, t(d, n, 3, 2)));
                cases.add(Case.of(new Primitive.Fft(FftKind.REAL_FORWARD, 0, n), ANY, t(d, n, 2)));
                cases.add(
                    Case.of(
                        new Primitive.Fft(FftKind.REAL_INVERSE, 0, n), ANY, t(d, n / 2 + 1, 2)));
              }
              return cases;
            }));
  }

  private static List<OpSpec> control() {
    return List.of(
        row(
            "scan",
            FLOATS,
            true,
            d -> {
              var body =
                  Graph.parse(
                      """
                      (%0: D[2], %1: D[2], %2: D[2]) {
                        %3 = mul %0, %2 : D[2]
                        %4 = tanh %3 : D[2]
                        %5 = add %4, %1 : D[2]
                        return %5, %4
                      }"""
                          .replace("D", d.toString()));
              // A cache that is written row by row, in place, and once more with its old value
              // kept.
              var cache =
                  """
                  (%0: D[5], %1: i32[], %2: D[1]) {
                    %3 = dynamic_update_slice %0, %2, %1 : D[5]
                    %4 = fill[value=i32(1), shape=[]] : i32[]
                    %5 = add %1, %4 : i32[]
                    return %3, %5KEPT
                  }"""
                      .replace("D", d.toString());
              var cases = new ArrayList<Case>();
              for (boolean reverse : new boolean[] {true, false}) {
                cases.add(
                    Case.of(
                        new Primitive.Scan(body, 3, 1, 1, reverse),
                        ANY,
                        t(d, 2),
                        t(d, 3, 2),
                        t(d, 2)));
              }
              for (var kept : List.of("", ", %0")) {
                var update = Graph.parse(cache.replace("KEPT", kept));
                cases.add(
                    Case.of(new Primitive.Scan(update, 3, 2, 1, false), ANY, t(d, 5))
                        .and(new Range(1, 3), t(DType.I32))
                        .and(ANY, t(d, 3, 1)));
              }
              return cases;
            }),
        row(
            "while",
            EnumSet.of(DType.I32),
            false,
            d -> {
              var less =
                  Graph.parse(
                      "(%0: i32[], %1: i32[]) { %2 = compare[kind=lt] %0, %1 : bool[] return %2 }");
              var twice =
                  Graph.parse("(%0: i32[], %1: i32[]) { %2 = add %0, %0 : i32[] return %2 }");
              return List.of(
                  Case.of(new Primitive.While(less, twice, 1), new Range(1, 3), t(d))
                      .and(new Range(20, 90), t(d)));
            }),
        row(
            "cond",
            FLOATS,
            true,
            d -> {
              var body = "(%0: D[3]) { %1 = OP %0 : D[3] return %1 }".replace("D", d.toString());
              var op =
                  new Primitive.Cond(
                      Graph.parse(body.replace("OP", "sin")),
                      Graph.parse(body.replace("OP", "neg")));
              return List.of(
                  Case.of(op, new Range(1, 2), t(DType.BOOL)).and(ANY, t(d, 3)),
                  Case.of(op, new Range(0, 1), t(DType.BOOL)).and(ANY, t(d, 3)));
            }),
        row(
            "barrier",
            ALL,
            true,
            d -> List.of(Case.of(new Primitive.Barrier(), ANY, t(d, 3), t(d, 2, 2)))));
  }
}
