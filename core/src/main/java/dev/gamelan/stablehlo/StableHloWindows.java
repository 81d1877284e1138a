package dev.gamelan.stablehlo;

import static dev.gamelan.stablehlo.StableHloText.array;
import static dev.gamelan.stablehlo.StableHloText.list;
import static dev.gamelan.stablehlo.StableHloText.padding;
import static dev.gamelan.stablehlo.StableHloText.type;

import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Window;
import dev.gamelan.stablehlo.StableHloText.Ssa;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/** Contractions, convolutions, pools and running reductions. */
final class StableHloWindows {
  private final StableHloText text;
  private final StableHloNumbers numbers;

  StableHloWindows(StableHloText text) {
    this.text = text;
    this.numbers = new StableHloNumbers(text);
  }

  // ---- products

  Ssa dot(Primitive.DotGeneral op, List<TensorType> types, TensorType result, List<Ssa> x) {
    var wide = result.with(StableHloNumbers.wide(result.dtype()));
    // Half precision gives f32 by itself; bytes are widened, which loses nothing.
    var work = types.get(0).dtype().isFloat() ? types.get(0).dtype() : result.dtype();
    var attributes =
        "dot_dimension_numbers = #stablehlo.dot<lhs_batching_dimensions = %s, rhs_batching_dimensions = %s, lhs_contracting_dimensions = %s, rhs_contracting_dimensions = %s>"
            .formatted(
                list(op.leftBatch()),
                list(op.rightBatch()),
                list(op.leftContracting()),
                list(op.rightContracting()));
    var product =
        text.op(
            "stablehlo.dot_general",
            attributes,
            type(wide),
            numbers.cast(x.get(0), types.get(0), work),
            numbers.cast(x.get(1), types.get(1), work));
    return numbers.cast(product, wide, result.dtype());
  }

  // ---- convolutions

  /** How one convolution is written: of what, in which layout. */
  private record Plan(
      String layout,
      List<Long> strides,
      List<Long> low,
      List<Long> high,
      List<Long> leftDilation,
      List<Long> rightDilation,
      long groups,
      long batchGroups) {}

  Ssa convolution(
      Primitive.Convolution op, List<TensorType> types, TensorType result, List<Ssa> x) {
    var window = op.window();
    var plan =
        new Plan(
            layout("b, f", "o, i", "b, f", window.rank()),
            window.strides(),
            window.low(),
            window.high(),
            ones(window),
            window.dilation(),
            op.groups(),
            1);
    return convolve(plan, result.shape(), result.dtype(), types, x);
  }

  /** Over the gradient with gaps of the stride, with the filter turned around. */
  Ssa inputGradient(Primitive.ConvolutionInputGradient op, List<TensorType> types, List<Ssa> x) {
    var window = op.window();
    var filter = types.get(1).shape();
    var spare = spare(op, types.get(0).shape(), filter);
    var low = new ArrayList<Long>();
    var high = new ArrayList<Long>();
    for (int i = 0; i < window.rank(); i++) {
      long reach = (filter.dim(i + 2) - 1) * window.dilation().get(i);
      long spread = (types.get(0).dim(i + 2) - 1) * window.strides().get(i) + 1;
      low.add(reach - window.low().get(i));
      high.add(spare.dim(i + 2) - spread + window.low().get(i));
    }
    var plan =
        new Plan(
            layout("b, f", "i, o", "b, f", window.rank()),
            ones(window),
            low,
            high,
            window.strides(),
            window.dilation(),
            op.groups(),
            1);
    var turned = turned(x.get(1), types.get(1));
    var grouped = ungrouped(turned, types.get(1), op.groups());
    var filterType = types.get(1).with(ungrouped(filter, op.groups()));
    var values = List.of(x.get(0), grouped);
    var result = convolve(plan, spare, op.result(), List.of(types.get(0), filterType), values);
    if (spare.equals(op.input())) return result;
    var corner =
        "start_indices = %s, limit_indices = %s, strides = %s"
            .formatted(
                array(Collections.nCopies(spare.rank(), 0L)),
                array(op.input().toList()),
                array(Collections.nCopies(spare.rank(), 1L)));
    return text.op(
        "stablehlo.slice", corner, type(new TensorType(op.result(), op.input())), result);
  }

  /**
   * The input's shape, or one more where XLA's simplifier would end the process: it exchanges a
   * filter with a gradient that has fewer places, but for axes of a filter of two places over gaps
   * of 2 with no padding, which it takes for groups, whatever the gradient's extent is there.
   */
  private static Shape spare(Primitive.ConvolutionInputGradient op, Shape gradient, Shape filter) {
    var window = op.window();
    var spare = op.input();
    long filterPlaces = 1;
    long gradientPlaces = 1;
    for (int i = 0; i < window.rank(); i++) {
      long extent = gradient.dim(i + 2);
      boolean two = filter.dim(i + 2) == 2 && window.dilation().get(i) == 1;
      boolean apart = window.strides().get(i) == 2 && window.low().get(i) == 1;
      if (two && apart && op.input().dim(i + 2) == 2 * extent - 2) {
        spare = spare.with(i + 2, 2 * extent - 1);
      } else {
        filterPlaces *= filter.dim(i + 2);
        gradientPlaces *= extent;
      }
    }
    return op.groups() == 1 && filterPlaces >= gradientPlaces ? spare : op.input();
  }

  private Ssa turned(Ssa filter, TensorType type) {
    var spatial = IntStream.range(2, type.rank()).boxed().toList();
    return text.op("stablehlo.reverse", "dimensions = " + array(spatial), type(type), filter);
  }

  /** [O, C/groups, …] as [O/groups, C, …]: outputs of a group beside those of the others. */
  private Ssa ungrouped(Ssa filter, TensorType type, long groups) {
    if (groups == 1) return filter;
    var shape = type.shape();
    var split = shape.with(0, shape.dim(0) / groups).insert(0, groups);
    var order = new ArrayList<>(List.of(1, 0));
    for (int i = 2; i < split.rank(); i++) order.add(i);
    var apart = text.op("stablehlo.reshape", type.with(split), filter);
    var beside =
        text.op(
            "stablehlo.transpose",
            "permutation = " + array(order),
            type(type.with(split.select(order))),
            apart);
    return text.op("stablehlo.reshape", type.with(ungrouped(shape, groups)), beside);
  }

  private static Shape ungrouped(Shape filter, long groups) {
    return filter.with(0, filter.dim(0) / groups).with(1, filter.dim(1) * groups);
  }

  /** Channels take the place of the batch, and the gradient that of the filter. */
  Ssa filterGradient(Primitive.ConvolutionFilterGradient op, List<TensorType> types, List<Ssa> x) {
    var window = op.window();
    var high = new ArrayList<Long>();
    for (int i = 0; i < window.rank(); i++) {
      long reach = (op.filter().dim(i + 2) - 1) * window.dilation().get(i);
      long spread = (types.get(1).dim(i + 2) - 1) * window.strides().get(i) + 1;
      high.add(reach + spread - types.get(0).dim(i + 2) - window.low().get(i));
    }
    var plan =
        new Plan(
            layout("f, b", "i, o", "f, b", window.rank()),
            window.dilation(),
            window.low(),
            high,
            ones(window),
            window.strides(),
            1,
            op.groups());
    return convolve(plan, op.filter(), op.result(), types, x);
  }

  private Ssa convolve(Plan plan, Shape result, DType dtype, List<TensorType> types, List<Ssa> x) {
    var work = StableHloNumbers.wide(dtype);
    var wide = new TensorType(work, result);
    var attributes =
        "window_strides = %s, padding = %s, lhs_dilation = %s, rhs_dilation = %s, dimension_numbers = %s, feature_group_count = %d : i64, batch_group_count = %d : i64"
            .formatted(
                array(plan.strides()),
                padding(plan.low(), plan.high()),
                array(plan.leftDilation()),
                array(plan.rightDilation()),
                plan.layout(),
                plan.groups(),
                plan.batchGroups());
    var convolved =
        text.op(
            "stablehlo.convolution",
            attributes,
            type(wide),
            numbers.cast(x.get(0), types.get(0), work),
            numbers.cast(x.get(1), types.get(1), work));
    return numbers.cast(convolved, wide, dtype);
  }

  private static String layout(String left, String right, String result, int spatial) {
    var axes = new StringBuilder();
    for (int i = 0; i < spatial; i++) axes.append(", ").append(i);
    return "#stablehlo.conv<[%s%s]x[%s%s]->[%s%s]>"
        .formatted(left, axes, right, axes, result, axes);
  }

  private static List<Long> ones(Window window) {
    return Collections.nCopies(window.rank(), 1L);
  }

  // ---- pools

  Ssa pool(Primitive.Pool op, TensorType operand, TensorType result, Ssa x) {
    var dtype =
        op.kind() == PoolKind.MAX ? operand.dtype() : StableHloNumbers.wide(operand.dtype());
    var kind = op.kind() == PoolKind.MAX ? ReduceKind.MAX : ReduceKind.SUM;
    var wide = result.with(dtype);
    var pooled = slide(kind, numbers.cast(x, operand, dtype), wide, op.size(), op.window());
    if (op.kind() == PoolKind.AVERAGE) {
      var counts = counts(operand.shape(), wide, op.size(), op.window(), op.countPadding());
      pooled = text.op("stablehlo.divide", wide, pooled, counts);
    }
    return numbers.cast(pooled, wide, result.dtype());
  }

  private Ssa slide(ReduceKind kind, Ssa x, TensorType result, Shape size, Window window) {
    return reduceWindow(
        kind,
        x,
        result,
        size.toList(),
        window.strides(),
        ones(window),
        window.dilation(),
        window.low(),
        window.high());
  }

  /** Over the spatial axes, which are the last. */
  private Ssa reduceWindow(
      ReduceKind kind,
      Ssa x,
      TensorType result,
      List<Long> size,
      List<Long> strides,
      List<Long> baseDilation,
      List<Long> dilation,
      List<Long> low,
      List<Long> high) {
    int lead = result.rank() - size.size();
    var attributes =
        "window_dimensions = %s, window_strides = %s, base_dilations = %s, window_dilations = %s, padding = %s"
            .formatted(
                array(led(lead, 1, size)),
                array(led(lead, 1, strides)),
                array(led(lead, 1, baseDilation)),
                array(led(lead, 1, dilation)),
                padding(led(lead, 0, low), led(lead, 0, high)));
    return text.ops(
            "stablehlo.reduce_window",
            attributes,
            List.of(numbers.combiner(kind, result.dtype())),
            List.of(type(result)),
            List.of(x, numbers.identity(kind, result.dtype())))
        .getFirst();
  }

  private static List<Long> led(int count, long value, List<Long> rest) {
    var all = new ArrayList<>(Collections.nCopies(count, value));
    all.addAll(rest);
    return all;
  }

  /** How many elements each window has. */
  private Ssa counts(Shape x, TensorType pooled, Shape size, Window window, boolean countPadding) {
    if (countPadding) return text.splat(pooled, size.size());
    var plane = new TensorType(pooled.dtype(), x.with(0, 1).with(1, 1));
    var counted = pooled.with(pooled.shape().with(0, 1).with(1, 1));
    var counts = slide(ReduceKind.SUM, text.splat(plane, 1), counted, size, window);
    var axes = IntStream.range(0, pooled.rank()).boxed().toList();
    return text.op(
        "stablehlo.broadcast_in_dim",
        "broadcast_dimensions = " + array(axes),
        type(pooled),
        counts);
  }

  Ssa poolGradient(Primitive.PoolGradient op, TensorType operand, TensorType d, List<Ssa> x) {
    if (d.size() == 0) return text.splat(operand, 0);
    var window = op.window();
    var dtype = StableHloNumbers.wide(operand.dtype());
    var wide = operand.with(dtype);
    var sent = numbers.cast(x.get(1), d, dtype);
    Ssa gradient;
    if (op.kind() == PoolKind.MAX) {
      gradient = toMaxima(numbers.cast(x.get(0), operand, dtype), sent, wide, op);
    } else {
      if (op.kind() == PoolKind.AVERAGE) {
        var counts = counts(operand.shape(), d.with(dtype), op.size(), window, op.countPadding());
        sent = text.op("stablehlo.divide", d.with(dtype), sent, counts);
      }
      gradient = toAll(sent, d, wide, op.size(), window);
    }
    return numbers.cast(gradient, wide, operand.dtype());
  }

  /** Each element is the sum over the windows that saw it. */
  private Ssa toAll(Ssa sent, TensorType d, TensorType x, Shape size, Window window) {
    var low = new ArrayList<Long>();
    var high = new ArrayList<Long>();
    for (int i = 0; i < window.rank(); i++) {
      long reach = (size.dim(i) - 1) * window.dilation().get(i);
      long spread = (d.dim(i + 2) - 1) * window.strides().get(i) + 1;
      low.add(reach - window.low().get(i));
      high.add(x.dim(i + 2) - spread + window.low().get(i));
    }
    // A window that ends before x does leaves elements that none saw, beyond what is padded.
    return reduceWindow(
        ReduceKind.SUM,
        sent,
        x,
        size.toList(),
        ones(window),
        window.strides(),
        window.dilation(),
        low,
        high);
  }

  private Ssa toMaxima(Ssa x, Ssa sent, TensorType type, Primitive.PoolGradient op) {
    var window = op.window();
    var scalar = type(TensorType.of(type.dtype()));
    var bool = TensorType.of(DType.BOOL);
    var select =
        text.region(
            List.of(scalar, scalar),
            pair -> {
              var element = TensorType.of(type.dtype());
              var first = pair.get(0);
              var atLeast = numbers.compare(CompareKind.GE, element, first, pair.get(1));
              var isNan = numbers.compare(CompareKind.NE, element, first, first);
              return List.of(text.op("stablehlo.or", bool, atLeast, isNan));
            });
    var attributes =
        "window_dimensions = %s, window_strides = %s, padding = %s"
            .formatted(
                array(led(2, 1, op.size().toList())),
                array(led(2, 1, window.strides())),
                padding(led(2, 0, window.low()), led(2, 0, window.high())));
    return text.ops(
            "stablehlo.select_and_scatter",
            attributes,
            List.of(select, numbers.combiner(ReduceKind.SUM, type.dtype())),
            List.of(type(type)),
            List.of(x, sent, numbers.identity(ReduceKind.SUM, type.dtype())))
        .getFirst();
  }

  // ---- running reductions

  /** A window that reaches from each element to the first one, or to the last. */
  Ssa cumulate(Primitive.Cumulate op, TensorType operand, Ssa x) {
    var dtype = StableHloNumbers.wide(operand.dtype());
    var wide = operand.with(dtype);
    int axis = op.axis();
    long length = operand.dim(axis);
    var ones = Collections.nCopies(operand.rank(), 1L);
    var size = new ArrayList<>(ones);
    size.set(axis, length);
    var near = Collections.nCopies(operand.rank(), 0L);
    var far = new ArrayList<>(near);
    far.set(axis, length - 1);
    var running =
        reduceWindow(
            op.kind(),
            numbers.cast(x, operand, dtype),
            wide,
            size,
            ones,
            ones,
            ones,
            op.reverse() ? near : far,
            op.reverse() ? far : near);
    if (op.exclusive()) running = shifted(op, running, wide);
    return numbers.cast(running, wide, operand.dtype());
  }

  private Ssa shifted(Primitive.Cumulate op, Ssa running, TensorType type) {
    var zeros = Collections.nCopies(type.rank(), 0L);
    var in = new ArrayList<>(zeros);
    in.set(op.axis(), 1L);
    var out = new ArrayList<>(zeros);
    out.set(op.axis(), -1L);
    var attributes =
        "edge_padding_low = %s, edge_padding_high = %s, interior_padding = %s"
            .formatted(
                array(op.reverse() ? out : in), array(op.reverse() ? in : out), array(zeros));
    return text.op(
        "stablehlo.pad",
        attributes,
        type(type),
        running,
        numbers.identity(op.kind(), type.dtype()));
  }
}
