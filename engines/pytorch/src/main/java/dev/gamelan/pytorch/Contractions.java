package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.ScalarTypes.code;
import static dev.gamelan.pytorch.TorchScript.list;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Products and convolutions as TorchScript expressions. */
final class Contractions {
  /** Up to which integers f32 holds every one, so that sums below it are exact. */
  private static final double EXACT_IN_F32 = 0x1p24;

  private final TorchScript script;

  Contractions(TorchScript script) {
    this.script = script;
  }

  // ---- products

  String dot(Term left, Term right, TensorType result, Primitive.DotGeneral op) {
    boolean batched = !op.leftBatch().isEmpty();
    return product(left, right, result, op, batched ? "bmm(" : "mm(");
  }

  /** With a vector added to every row. */
  String biased(Term left, Term right, Term bias, TensorType result, Primitive.DotGeneral op) {
    return product(left, right, result, op, "addmm(%s, ".formatted(bias.tensor()));
  }

  private String product(
      Term left, Term right, TensorType result, Primitive.DotGeneral op, String function) {
    var leftFree = free(left, op.leftBatch(), op.leftContracting());
    var rightFree = free(right, op.rightBatch(), op.rightContracting());
    var leftShape = left.type().shape();
    var rightShape = right.type().shape();
    var work = work(left, right, op.result(), leftShape.select(op.leftContracting()).size());
    var a = matrix(to(left, work), leftShape, op.leftBatch(), leftFree, op.leftContracting());
    var b = matrix(to(right, work), rightShape, op.rightBatch(), op.rightContracting(), rightFree);
    var product = "torch.%s%s, %s)".formatted(function, a, b);
    boolean plain = leftFree.size() == 1 && rightFree.size() == 1 && op.leftBatch().size() <= 1;
    if (!plain) product = Movement.reshape(product, result.shape());
    return from(product, work, op.result());
  }

  private static List<Integer> free(Term x, List<Integer> batch, List<Integer> contracting) {
    var taken = new ArrayList<>(batch);
    taken.addAll(contracting);
    return x.type().shape().otherAxes(taken);
  }

  /** [rows, columns], or [batch, rows, columns] where there are batch axes. */
  private static String matrix(
      String x, Shape shape, List<Integer> batch, List<Integer> rows, List<Integer> columns) {
    var order = new ArrayList<>(batch);
    order.addAll(rows);
    order.addAll(columns);
    var tensor = order.equals(shape.axes()) ? x : Movement.transpose(x, order);
    boolean single = rows.size() == 1 && columns.size() == 1 && batch.size() <= 1;
    if (single) return tensor;
    var dims = new ArrayList<Long>();
    if (!batch.isEmpty()) dims.add(shape.select(batch).size());
    dims.add(shape.select(rows).size());
    dims.add(shape.select(columns).size());
    return Movement.reshape(tensor, Shape.of(dims));
  }

  /** The dtype in which to multiply: bytes as floats that hold every sum, halves as f32. */
  private static DType work(Term left, Term right, DType result, long depth) {
    var dtype = left.dtype();
    boolean bytes = dtype.bits() == 8 && right.dtype().bits() == 8 && !dtype.isBool();
    if (bytes) return depth * 255.0 * 255.0 < EXACT_IN_F32 ? DType.F32 : DType.F64;
    if (dtype == DType.F16 || (dtype == DType.BF16 && result == DType.F32)) return DType.F32;
    return dtype;
  }

  private static String to(Term x, DType work) {
    return x.dtype() == work ? x.tensor() : "torch.to(%s, %d)".formatted(x.tensor(), code(work));
  }

  private static String from(String x, DType work, DType result) {
    if (work == result) return x;
    // An integer sum wraps, which a conversion from float does not.
    boolean whole = work.isFloat() && result.isInteger();
    var integers = whole ? "torch.to(%s, 4)".formatted(x) : x;
    return whole && result == DType.I64
        ? integers
        : "torch.to(%s, %d)".formatted(integers, code(result));
  }

  // ---- convolutions

  String convolution(Term x, Term filter, Primitive.Convolution op) {
    var work = convolutionWork(x, filter, op.result());
    var window = op.window();
    boolean even =
        window.low().equals(window.high()) && window.low().stream().allMatch(p -> p >= 0);
    var tensor = to(x, work);
    var padding = window.low();
    if (!even) {
      tensor = Movement.pad(tensor, edges(window.low()), edges(window.high()), "0");
      padding = zeros(window);
    }
    return from(
        convolve(tensor, filter, work, window, padding, false, op.groups()), work, op.result());
  }

  private String convolve(
      String x,
      Term filter,
      DType work,
      Window window,
      List<Long> padding,
      boolean transposed,
      long groups) {
    int rank = filter.type().rank();
    boolean strided = window.strides().stream().anyMatch(stride -> stride > 1);
    var filling =
        script.isOnHost()
            ? ChannelFilling.of(filter.type().shape(), work, transposed, strided, groups)
            : ChannelFilling.NONE;
    var result =
        "torch.convolution(%s, %s, None, %s, %s, %s, %s, %s, %d)"
            .formatted(
                filling.operand(x, rank),
                filling.filter(to(filter, work), rank),
                list(window.strides()),
                list(padding),
                list(window.dilation()),
                transposed ? "True" : "False",
                list(zeros(window)),
                groups);
    return filling.result(result);
  }

  /** A transposed convolution onto the padded input, from which the padding is cropped. */
  String inputGradient(Term d, Term filter, Primitive.ConvolutionInputGradient op) {
    var window = op.window();
    var work = convolutionWork(d, filter, op.result());
    // PyTorch's kernel for one channel a group is wrong for some strides in bf16.
    if (work == DType.BF16 && filter.type().dim(1) == 1 && op.groups() > 1) work = DType.F32;
    var full =
        script.let(
            "%s", convolve(to(d, work), filter, work, window, zeros(window), true, op.groups()));
    var low = new ArrayList<Long>();
    var high = new ArrayList<Long>();
    for (int i = 0; i < window.rank(); i++) {
      long positions = d.type().dim(i + 2);
      long extent = (filter.type().dim(i + 2) - 1) * window.dilation().get(i) + 1;
      long covered = (positions - 1) * window.strides().get(i) + extent;
      low.add(-window.low().get(i));
      high.add(op.input().dim(i + 2) - covered + window.low().get(i));
    }
    return from(Movement.pad(full, edges(low), edges(high), "0"), work, op.result());
  }

  String filterGradient(Term x, Term d, Primitive.ConvolutionFilterGradient op) {
    var window = op.window();
    var work = convolutionWork(x, d, op.result());
    var padded = Movement.pad(to(x, work), edges(window.low()), edges(window.high()), "0");
    var filter = script.zeros(new TensorType(work, op.filter()));
    var gradient = script.name();
    script.line(
        "%s, %s, %s = torch.convolution_backward(%s, %s, %s, None, %s, %s, %s, False, %s, %d, [False, True, False])",
        script.name(),
        gradient,
        script.name(),
        to(d, work),
        padded,
        filter,
        list(window.strides()),
        list(zeros(window)),
        list(window.dilation()),
        list(zeros(window)),
        op.groups());
    return from(gradient, work, op.result());
  }

  /** Integers as f64 while it holds their sums, else as i64, which wraps as they do. */
  private static DType convolutionWork(Term x, Term filter, DType result) {
    var dtype = x.dtype();
    if (dtype.isInteger()) return dtype.bits() <= 16 ? DType.F64 : DType.I64;
    return work(x, filter, result, Long.MAX_VALUE);
  }

  private static List<Long> zeros(Window window) {
    return Collections.nCopies(window.rank(), 0L);
  }

  private static List<Long> edges(List<Long> spatial) {
    var edges = new ArrayList<Long>(List.of(0L, 0L));
    edges.addAll(spatial);
    return edges;
  }
}
