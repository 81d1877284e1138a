package dev.gamelan.mxnet;

import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Convolutions, their gradients, and pools. */
final class Convolutions {
  private final Writer w;

  Convolutions(Writer writer) {
    this.w = writer;
  }

  int convolution(Term x, Term filter, Primitive.Convolution op) {
    var wide = Contractions.wide(x.dtype());
    int data = w.cast(w.whole(x), x.dtype(), wide);
    var window = op.window();
    var padding = window.low();
    if (!isSymmetric(window)) {
      data = padded(data, x.type().shape(), window.low(), window.high(), wide);
      padding = Collections.nCopies(window.rank(), 0L);
    }
    var shape = filter.type().shape();
    var attributes = attributes(shape.range(2, shape.rank()), window, padding);
    attributes.put("num_filter", shape.dim(0));
    attributes.put("num_group", op.groups());
    attributes.put("no_bias", "True");
    int weight = w.cast(w.whole(filter), x.dtype(), wide);
    return w.cast(w.op("Convolution", attributes, data, weight), wide, op.result());
  }

  /**
   * A deconvolution as if nothing was padded, then zeros where no window reached, then the crop.
   */
  int inputGradient(Term gradient, Term filter, Primitive.ConvolutionInputGradient op) {
    var wide = Contractions.wide(gradient.dtype());
    var window = op.window();
    var size = filter.type().shape();
    var kernel = size.range(2, size.rank());
    var attributes = attributes(kernel, window, Collections.nCopies(window.rank(), 0L));
    attributes.put("num_filter", size.dim(1) * op.groups());
    attributes.put("num_group", op.groups());
    attributes.put("no_bias", "True");
    int full =
        w.op(
            "Deconvolution",
            attributes,
            w.cast(w.whole(gradient), gradient.dtype(), wide),
            w.cast(w.whole(filter), filter.dtype(), wide));
    var shape = op.input();
    var low = new ArrayList<Long>();
    var high = new ArrayList<Long>();
    for (int i = 0; i < window.rank(); i++) {
      long reached =
          (gradient.type().dim(i + 2) - 1) * window.strides().get(i)
              + (kernel.dim(i) - 1) * window.dilation().get(i)
              + 1;
      shape = shape.with(i + 2, reached);
      low.add(-window.low().get(i));
      high.add(op.input().dim(i + 2) + window.low().get(i) - reached);
    }
    return w.cast(padded(full, shape, low, high, wide), wide, op.result());
  }

  /** The patches that each place of the result saw, times its gradient. */
  int filterGradient(Term x, Term gradient, Primitive.ConvolutionFilterGradient op) {
    var wide = Contractions.wide(x.dtype());
    var window = op.window();
    int data = w.cast(w.whole(x), x.dtype(), wide);
    var shape = x.type().shape();
    data = padded(data, shape, window.low(), window.high(), wide);
    var filter = op.filter();
    var kernel = filter.range(2, filter.rank());
    long images = shape.dim(0);
    long places = gradient.type().shape().range(2, shape.rank()).size();
    int patches = patches(data, shape, kernel, window);
    long groups = op.groups();
    long depth = filter.dim(1) * kernel.size();
    patches = w.reshape(patches, images * groups, depth, places);
    int sent = w.cast(w.whole(gradient), gradient.dtype(), wide);
    sent = w.reshape(sent, images * groups, filter.dim(0) / groups, places);
    int products = w.batchDot(sent, patches, false, true);
    products = w.reshape(products, images, filter.dim(0) * depth);
    int sum = w.reshape(w.sum(products, 0), filter);
    return w.cast(sum, wide, op.result());
  }

  /**
   * Of padded images of {@code shape}: for each place in the window and channel what it sees.
   * im2col knows images of two axes.
   */
  private int patches(int data, Shape shape, Shape kernel, Window window) {
    if (window.rank() > 2) throw new IllegalStateException("the host's");
    var attributes = new TreeMap<String, Object>();
    attributes.put("kernel", twoAxes(kernel.toList()));
    attributes.put("stride", twoAxes(window.strides()));
    attributes.put("dilate", twoAxes(window.dilation()));
    if (window.rank() == 1) {
      long padded = shape.dim(2) + window.low().getFirst() + window.high().getFirst();
      data = w.reshape(data, shape.dim(0), shape.dim(1), 1, padded);
    }
    return w.op("im2col", attributes, data);
  }

  private static String twoAxes(List<Long> numbers) {
    return numbers.size() == 1 ? "(1,%d)".formatted(numbers.getFirst()) : Symbol.tuple(numbers);
  }

  static boolean takes(Primitive.Pool op) {
    var window = op.window();
    return isSymmetric(window)
        && window.dilation().stream().allMatch(d -> d == 1)
        && op.kind() != PoolKind.SUM;
  }

  int pool(Term x, Primitive.Pool op) {
    var wide = Contractions.wide(x.dtype());
    var window = op.window();
    var attributes = attributes(op.size(), window, window.low());
    attributes.remove("dilate");
    attributes.put("pool_type", op.kind() == PoolKind.MAX ? "max" : "avg");
    attributes.put("count_include_pad", op.countPadding() ? "True" : "False");
    attributes.put("pooling_convention", "valid");
    int pooled = w.op("Pooling", attributes, w.cast(w.whole(x), x.dtype(), wide));
    return w.cast(pooled, wide, x.dtype());
  }

  private static boolean isSymmetric(Window window) {
    return window.low().equals(window.high()) && window.low().stream().allMatch(p -> p >= 0);
  }

  private static Map<String, Object> attributes(Shape kernel, Window window, List<Long> padding) {
    var attributes = new TreeMap<String, Object>();
    attributes.put("kernel", Symbol.tuple(kernel.toList()));
    attributes.put("stride", Symbol.tuple(window.strides()));
    attributes.put("dilate", Symbol.tuple(window.dilation()));
    attributes.put("pad", Symbol.tuple(padding));
    return attributes;
  }

  /** Zeros around the spatial axes; negative edges crop. */
  private int padded(int node, Shape shape, List<Long> low, List<Long> high, DType dtype) {
    var none = Collections.nCopies(2, 0L);
    var before = new ArrayList<>(none);
    before.addAll(low);
    var after = new ArrayList<>(none);
    after.addAll(high);
    var interior = Collections.nCopies(before.size(), 0L);
    var type = new TensorType(dtype, shape);
    var zero = Term.number(Scalar.of(dtype, 0.0), TensorType.of(dtype));
    return new Movement(w)
        .pad(Term.of(node, type), zero, new Primitive.Pad(before, after, interior));
  }
}
