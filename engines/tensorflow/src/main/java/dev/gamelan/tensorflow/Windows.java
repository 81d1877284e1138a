package dev.gamelan.tensorflow;

import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Convolutions, pools and their gradients over one or two axes, channels last, as TensorFlow
 * computes them on a CPU. What has one axis gets another of size 1.
 */
final class Windows {
  private final Writer w;

  Windows(Writer writer) {
    this.w = writer;
  }

  Term convolution(Term x, Term filter, Primitive.Convolution op, TensorType result) {
    var dtype = computed(x.dtype());
    var attributes =
        attributes(dtype, op.window()).integers("dilations", steps(op.window().dilation()));
    return ofImages(
        w.op("Conv2D", attributes, images(x, dtype), filter(filter, dtype)), dtype, result);
  }

  Term inputGradient(
      Term gradient, Term filter, Primitive.ConvolutionInputGradient op, TensorType result) {
    var dtype = computed(gradient.dtype());
    var sizes = sizes(imageShape(op.input()));
    var node =
        w.op(
            "Conv2DBackpropInput",
            attributes(dtype, op.window()),
            sizes,
            filter(filter, dtype),
            images(gradient, dtype));
    return ofImages(node, dtype, result);
  }

  Term filterGradient(
      Term x, Term gradient, Primitive.ConvolutionFilterGradient op, TensorType result) {
    var dtype = computed(x.dtype());
    var sizes = sizes(filterShape(op.filter()));
    var node =
        w.op(
            "Conv2DBackpropFilter",
            attributes(dtype, op.window()),
            images(x, dtype),
            sizes,
            images(gradient, dtype));
    node = w.cast(w.transpose(node, dtype, List.of(3, 2, 0, 1)), dtype, op.result());
    return Term.of(w.reshape(node, op.result(), op.filter()), result);
  }

  Term pool(Term x, Primitive.Pool op, TensorType result) {
    var dtype = computed(x.dtype());
    return ofImages(
        pool(images(x, dtype), dtype, op.kind(), op.size(), op.window()), dtype, result);
  }

  /** An average has no padding: {@link Support} sees to that. */
  private String pool(String images, DType dtype, PoolKind kind, Shape size, Window window) {
    var attributes = attributes(dtype, window).integers("ksize", steps(size.toList()));
    return w.op(kind == PoolKind.MAX ? "MaxPool" : "AvgPool", attributes, images);
  }

  Term poolGradient(Term x, Term gradient, Primitive.PoolGradient op, TensorType result) {
    var dtype = computed(x.dtype());
    var images = images(x, dtype);
    var sent = images(gradient, dtype);
    var attributes = attributes(dtype, op.window()).integers("ksize", steps(op.size().toList()));
    var node =
        op.kind() == PoolKind.MAX
            ? w.op(
                "MaxPoolGrad",
                attributes,
                images,
                pool(images, dtype, op.kind(), op.size(), op.window()),
                sent)
            : w.op("AvgPoolGrad", attributes, sizes(imageShape(result.shape())), sent);
    return ofImages(node, dtype, result);
  }

  private String sizes(Shape shape) {
    return w.axes(shape.toList().stream().map(Math::toIntExact).toList());
  }

  /** TensorFlow's kernels of 16 bits accumulate in those, or are none. */
  private static DType computed(DType dtype) {
    return dtype == DType.F16 || dtype == DType.BF16 ? DType.F32 : dtype;
  }

  private static Attributes attributes(DType dtype, Window window) {
    var attributes = Attributes.of(dtype).integers("strides", steps(window.strides()));
    var padding = new ArrayList<>(Collections.nCopies(8, 0L));
    int first = 3 - window.rank();
    for (int i = 0; i < window.rank(); i++) {
      padding.set(2 * (first + i), window.low().get(i));
      padding.set(2 * (first + i) + 1, window.high().get(i));
    }
    boolean none = padding.stream().allMatch(p -> p == 0);
    if (none) return attributes.text("padding", "VALID");
    return attributes.text("padding", "EXPLICIT").integers("explicit_paddings", padding);
  }

  /** For [N, H, W, C]. */
  private static List<Long> steps(List<Long> spatial) {
    return spatial.size() == 1
        ? List.of(1L, 1L, spatial.getFirst(), 1L)
        : List.of(1L, spatial.get(0), spatial.get(1), 1L);
  }

  /** [N, H, W, C] of [N, C, spatial…]. */
  private static Shape imageShape(Shape shape) {
    var lying = shape.select(Writer.channelsLast(shape.rank()));
    return shape.rank() == 3 ? lying.insert(1, 1) : lying;
  }

  private String images(Term x, DType dtype) {
    var converted = new Pointwise(w).convert(x, dtype);
    var node =
        converted.isWhole()
            ? w.channelsLast(converted)
            : w.channelsLast(Term.of(w.whole(converted), converted.type()));
    return x.type().rank() == 3 ? w.reshape(node, dtype, imageShape(x.type().shape())) : node;
  }

  private Term ofImages(String node, DType dtype, TensorType type) {
    var lying = type.shape().select(Writer.channelsLast(type.rank()));
    if (type.rank() == 3) node = w.reshape(node, dtype, lying);
    return Term.channelsLast(w.cast(node, dtype, type.dtype()), type);
  }

  /** [H, W, C, O] of [O, C, spatial…]. */
  private static Shape filterShape(Shape shape) {
    var images = shape.rank() == 3 ? shape.insert(2, 1) : shape;
    return images.select(List.of(2, 3, 1, 0));
  }

  private String filter(Term filter, DType dtype) {
    var shape = filter.type().shape();
    var node = w.cast(w.whole(filter), filter.dtype(), dtype);
    if (shape.rank() == 3) node = w.reshape(node, dtype, shape.insert(2, 1));
    return w.transpose(node, dtype, List.of(2, 3, 1, 0));
  }
}
