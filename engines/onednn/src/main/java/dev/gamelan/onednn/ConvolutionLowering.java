package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.onednn.dnnl.Dnnl;
import dev.gamelan.onednn.dnnl.Layout;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Turns a convolution or one of its adjoints into oneDNN's. Pictures that it writes have their
 * channels last. The work is divided along the batch; of a single picture along its rows, or where
 * these are few along the channels of the result.
 */
final class ConvolutionLowering {
  /** Multiply-adds below which waking another thread does not pay. */
  private static final double WORTH_SHARING = 250_000;

  /** A tensor in the order that oneDNN takes: [n, c, spatial…], or [groups, o, c, spatial…]. */
  private record Tensor(
      DType dtype, Storage storage, long offset, List<Long> dims, List<Long> strides) {
    Tensor cut(int axis, long from, long to) {
      if (axis < 0) return this;
      var sizes = new ArrayList<>(dims);
      sizes.set(axis, to - from);
      return new Tensor(dtype, storage, offset + from * strides.get(axis), sizes, strides);
    }

    Layout layout() {
      return new Layout(dtype, dims, strides);
    }

    DnnlStep.Argument argument() {
      return new DnnlStep.Argument(storage, offset * dtype.bits() / 8);
    }
  }

  /** How much longer the largest slab may be than the mean. */
  private static final double MOST_IMBALANCE = 1.05;

  /** The first spatial axis. */
  private static final int ROWS = 2;

  /** What a step says of itself. */
  private record What(Dnnl.Convolution kind, TensorType picture, TensorType filter, double flops) {
    @Override
    public String toString() {
      return "%s %s with %s, %.2g flop".formatted(kind, picture, filter, flops);
    }
  }

  /** What one thread computes. */
  private record Cut(Tensor x, Tensor filter, Tensor y, Dnnl.Window window) {}

  /** Which axis of x, filter and y is divided; -1 for none. */
  private record Division(int x, int filter, int y) {
    static final Division NONE = new Division(-1, -1, -1);
  }

  private final Lowering lowering;
  private final Kernels kernels;

  ConvolutionLowering(Lowering lowering, Kernels kernels) {
    this.lowering = lowering;
    this.kernels = kernels;
  }

  /** The step of a convolution; empty where oneDNN has no fast implementation, or no other. */
  Optional<Step> lower(Node node) {
    if (!supported(node, kernels)) return Optional.empty();
    return switch (node.op()) {
      case Primitive.Convolution c ->
          lower(
              Dnnl.Convolution.FORWARD,
              c.window(),
              c.groups(),
              node.inputs().get(0),
              node.inputs().get(1),
              node.result());
      case Primitive.ConvolutionInputGradient c ->
          lower(
              Dnnl.Convolution.INPUT_GRADIENT,
              c.window(),
              c.groups(),
              node.result(),
              node.inputs().get(1),
              node.inputs().get(0));
      case Primitive.ConvolutionFilterGradient c ->
          lower(
              Dnnl.Convolution.FILTER_GRADIENT,
              c.window(),
              c.groups(),
              node.inputs().get(0),
              node.result(),
              node.inputs().get(1));
      default -> Optional.empty();
    };
  }

  private Optional<Step> lower(
      Dnnl.Convolution kind, Window window, long groups, Value x, Value filter, Value y) {
    var xs = tensor(x);
    var weights = kind == Dnnl.Convolution.FILTER_GRADIENT ? null : weights(filter);
    var filters = grouped(weights == null ? tensor(filter) : weights, groups);
    var ys = tensor(y);
    var its = new Dnnl.Window(window.strides(), window.dilation(), window.low(), window.high());
    double work = 1.0 * y.type().size() * filter.type().size() / filter.dim(0);
    int threads = work < WORTH_SHARING ? 1 : kernels.threads();
    var cuts =
        inSlabs(kind, groups, xs, ys, threads)
            ? slabs(xs, filters, ys, its, threads)
            : cuts(division(kind, groups, xs), xs, filters, ys, its, threads);
    var packed = weights == null ? Optional.<DType>empty() : Optional.of(filter.type().dtype());
    var parts = new ArrayList<DnnlStep.Part>();
    for (var cut : cuts) {
      var primitive =
          kernels.convolution(
              kind, cut.x.layout(), cut.filter.layout(), cut.y.layout(), cut.window, packed);
      if (primitive.isEmpty()) return Optional.empty();
      parts.add(
          new DnnlStep.Part(
              primitive.get(), List.of(cut.x.argument(), cut.filter.argument(), cut.y.argument())));
    }
    return Optional.of(new DnnlStep(parts, new What(kind, x.type(), filter.type(), 2 * work)));
  }

  /** A single picture goes in slabs, but for one of so few rows that threads would wait. */
  private static boolean inSlabs(
      Dnnl.Convolution kind, long groups, Tensor x, Tensor y, int threads) {
    if (kind != Dnnl.Convolution.FORWARD || x.dims.get(0) > 1) return false;
    long rows = y.dims.get(ROWS);
    long each = Math.ceilDiv(rows, threads);
    return groups > 1 || each * threads <= rows * MOST_IMBALANCE;
  }

  private List<Cut> cuts(
      Division division, Tensor x, Tensor filter, Tensor y, Dnnl.Window window, int threads) {
    long size = size(division, x, filter, y);
    long each = Math.ceilDiv(size, Math.min(threads, size));
    if (division.filter >= 0) each = Math.ceilDiv(each, 16L) * 16;
    var cuts = new ArrayList<Cut>();
    for (long from = 0; from < size; from += each) {
      long to = Math.min(size, from + each);
      cuts.add(
          new Cut(
              x.cut(division.x, from, to),
              filter.cut(division.filter, from, to),
              y.cut(division.y, from, to),
              window));
    }
    return cuts;
  }

  /** Rows of the result, with the rows of x that they see; the padding that is in between goes. */
  private static List<Cut> slabs(
      Tensor x, Tensor filter, Tensor y, Dnnl.Window window, int threads) {
    long size = y.dims.get(ROWS);
    long height = x.dims.get(ROWS);
    long reach =
        (filter.dims.get(filter.dims.size() - y.dims.size() + ROWS) - 1)
            * window.dilations().get(0);
    long stride = window.strides().get(0);
    long each = Math.ceilDiv(size, Math.min(threads, size));
    var cuts = new ArrayList<Cut>();
    for (long from = 0; from < size; from += each) {
      long to = Math.min(size, from + each);
      long first = stride * from - window.low().get(0);
      long last = stride * (to - 1) - window.low().get(0) + reach;
      // Padding alone is what a slab may see; it still needs a row to be padded.
      long begin = Math.clamp(first, 0, height - 1);
      long end = Math.clamp(last + 1, begin + 1, height);
      if (first > begin || last < begin) return List.of(new Cut(x, filter, y, window));
      cuts.add(
          new Cut(
              x.cut(ROWS, begin, end),
              filter,
              y.cut(ROWS, from, to),
              new Dnnl.Window(
                  window.strides(),
                  window.dilations(),
                  withFirst(window.low(), begin - first),
                  withFirst(window.high(), last + 1 - end))));
    }
    return cuts;
  }

  private static List<Long> withFirst(List<Long> values, long first) {
    var result = new ArrayList<>(values);
    result.set(0, first);
    return result;
  }

  /** Whether the node's result is a picture that oneDNN writes. */
  static boolean isChannelsLast(Node node, Kernels kernels) {
    return !(node.op() instanceof Primitive.ConvolutionFilterGradient) && supported(node, kernels);
  }

  /** Whether the node is a convolution, or an adjoint, that oneDNN computes. */
  static boolean supported(Node node, Kernels kernels) {
    return switch (node.op()) {
      case Primitive.Convolution c ->
          supported(
              c.window(),
              node.inputs().get(0).shape(),
              node.inputs().get(1).shape(),
              node,
              kernels);
      case Primitive.ConvolutionInputGradient c ->
          supported(c.window(), c.input(), node.inputs().get(1).shape(), node, kernels);
      case Primitive.ConvolutionFilterGradient c ->
          supported(c.window(), node.inputs().get(0).shape(), c.filter(), node, kernels);
      default -> false;
    };
  }

  /**
   * Whether oneDNN takes the window: it crops nothing, and sees an element of the picture wherever
   * it is. Of one that sees padding alone, oneDNN 3.13 may end the process; and of a single channel
   * dilated along a padded axis, it computes some wrong.
   */
  static boolean takes(Window window, Shape picture, Shape filter) {
    boolean pads =
        Stream.concat(window.low().stream(), window.high().stream()).allMatch(p -> p >= 0);
    boolean dilatesPadding =
        IntStream.range(0, window.rank())
            .anyMatch(
                axis ->
                    window.dilation().get(axis) > 1
                        && window.low().get(axis) + window.high().get(axis) > 0);
    return pads
        && !(filter.dim(1) == 1 && dilatesPadding)
        && IntStream.range(0, window.rank())
            .allMatch(axis -> window.alwaysSees(axis, picture.dim(axis + 2), filter.dim(axis + 2)));
  }

  private static boolean supported(
      Window window, Shape picture, Shape filter, Node node, Kernels kernels) {
    var left = node.inputs().get(0).type();
    var right = node.inputs().get(1).type();
    return left.dtype().isFloat()
        && kernels.multiplies(left.dtype(), right.dtype())
        && left.size() > 0
        && right.size() > 0
        && node.result().type().size() > 0
        && takes(window, picture, filter);
  }

  /** A filter that lasts, wherever it lies; null if it does not. */
  private @Nullable Tensor weights(Value filter) {
    var view = lowering.view(filter);
    var weights = lowering.weights(view.base());
    if (weights.isEmpty() || !view.isWhole()) return null;
    return new Tensor(
        weights.get().dtype(),
        weights.get().storage(),
        0,
        filter.shape().toList(),
        View.boxed(filter.shape().strides()));
  }

  private Tensor tensor(Value value) {
    var view = lowering.view(value);
    var dtype = value.type().dtype();
    var dims = value.shape().toList();
    boolean strided = true;
    for (int axis = 0; axis < dims.size(); axis++) {
      strided &= view.stride(axis) > 0 || dims.get(axis) == 1;
    }
    if (strided) {
      var strides = new ArrayList<>(view.strides());
      var canonical = View.channelsLast(value).strides();
      for (int axis = 0; axis < dims.size(); axis++) {
        if (dims.get(axis) == 1) strides.set(axis, Math.max(canonical.get(axis), 1));
      }
      return new Tensor(dtype, lowering.place(view.base()), view.offset(), dims, strides);
    }
    var copy = lowering.temporary(value.type().bytes());
    lowering.copy(view, copy);
    return new Tensor(dtype, copy, 0, dims, View.boxed(value.shape().strides()));
  }

  private static Tensor grouped(Tensor filter, long groups) {
    if (groups == 1) return filter;
    var dims = new ArrayList<>(filter.dims);
    var strides = new ArrayList<>(filter.strides);
    long each = dims.get(0) / groups;
    dims.set(0, each);
    dims.add(0, groups);
    strides.add(0, strides.get(0) * each);
    return new Tensor(filter.dtype, filter.storage, filter.offset, dims, strides);
  }

  private Division division(Dnnl.Convolution kind, long groups, Tensor x) {
    var batch = new Division(0, -1, 0);
    // Along the batch, parts of a filter's gradient would meet in one sum.
    if (groups != 1) return kind == Dnnl.Convolution.FILTER_GRADIENT ? Division.NONE : batch;
    return switch (kind) {
      case FORWARD -> x.dims.get(0) > 1 ? batch : new Division(-1, 0, 1);
      case INPUT_GRADIENT -> x.dims.get(0) >= kernels.threads() ? batch : new Division(1, 1, -1);
      case FILTER_GRADIENT -> new Division(-1, 0, 1);
    };
  }

  private static long size(Division division, Tensor x, Tensor filter, Tensor y) {
    if (division.filter >= 0) return filter.dims.get(division.filter);
    if (division.x >= 0) return x.dims.get(division.x);
    return division.y >= 0 ? y.dims.get(division.y) : 1;
  }
}
