package dev.gamelan.onnx.write;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Products of matrices and convolutions with their gradients. */
final class ContractionWriter {
  private ContractionWriter() {}

  /** As a product of [batch, rows, summed] and [batch, summed, columns]. */
  static Name dot(Emitter out, Primitive.DotGeneral op, List<Name> operands, TensorType type) {
    var left = operands.getFirst();
    var right = operands.get(1);
    var rows = left.shape().otherAxes(joined(op.leftBatch(), op.leftContracting()));
    var columns = right.shape().otherAxes(joined(op.rightBatch(), op.rightContracting()));
    var batch = left.shape().select(op.leftBatch());
    long m = left.shape().select(rows).size();
    long k = left.shape().select(op.leftContracting()).size();
    long n = right.shape().select(columns).size();
    var a = out.transpose(left, joined(joined(op.leftBatch(), rows), op.leftContracting()));
    var b = out.transpose(right, joined(joined(op.rightBatch(), op.rightContracting()), columns));
    boolean plain = op.leftContracting().size() == 1 && columns.size() == 1;
    var product = type;
    if (plain && batch.rank() == 0 && !rows.isEmpty()) {
      // [.., m, k] × [k, n] as it is: what fusions look for.
    } else {
      a = out.reshape(a, batch.append(m, k));
      b = out.reshape(b, batch.append(k, n));
      product = type.with(batch.append(m, n));
    }
    return out.reshape(matmul(out, a, b, product), type.shape());
  }

  private static Name matmul(Emitter out, Name a, Name b, TensorType type) {
    boolean bytes = a.dtype().bits() == 8 && type.dtype() == DType.I32;
    if (bytes) return out.node("MatMulInteger", type, List.of(a, b));
    var wide = type.with(Emitter.summable(type.dtype()));
    var operands = List.of(out.cast(a, wide.dtype()), out.cast(b, wide.dtype()));
    return out.cast(out.node("MatMul", wide, operands), type.dtype());
  }

  private static List<Integer> joined(List<Integer> a, List<Integer> b) {
    var all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }

  static Name convolution(
      Emitter out, Primitive.Convolution op, List<Name> operands, TensorType type) {
    var x = cropped(out, operands.getFirst(), op.window());
    boolean bytes = x.dtype().bits() == 8 && type.dtype() == DType.I32;
    var filter = operands.get(1);
    var attributes = attributes(positive(op.window()), op.groups());
    if (bytes) return out.node("ConvInteger", type, List.of(x, filter), attributes);
    var wide = type.with(computes(type.dtype()));
    var operandsOf = List.of(out.cast(x, wide.dtype()), out.cast(filter, wide.dtype()));
    return out.cast(out.node("Conv", wide, operandsOf, attributes), type.dtype());
  }

  /** Conv takes floats only; f64 holds integers up to 2⁵³. */
  private static DType computes(DType dtype) {
    return dtype.isFloat() ? dtype : DType.F64;
  }

  private static Attribute[] attributes(Window window, long groups) {
    var pads = new ArrayList<>(window.low());
    pads.addAll(window.high());
    return new Attribute[] {
      Attribute.of("strides", window.strides()),
      Attribute.of("pads", pads),
      Attribute.of("dilations", window.dilation()),
      Attribute.of("group", groups)
    };
  }

  /** Negative padding crops, which Conv does not. */
  private static Name cropped(Emitter out, Name x, Window window) {
    var low = new ArrayList<>(List.of(0L, 0L));
    var high = new ArrayList<>(List.of(0L, 0L));
    window.low().forEach(p -> low.add(Math.min(p, 0)));
    window.high().forEach(p -> high.add(Math.min(p, 0)));
    return out.pad(x, low, high);
  }

  private static Window positive(Window window) {
    return new Window(
        window.strides(),
        window.low().stream().map(p -> Math.max(p, 0)).toList(),
        window.high().stream().map(p -> Math.max(p, 0)).toList(),
        window.dilation());
  }

  static Name inputGradient(
      Emitter out, Primitive.ConvolutionInputGradient op, List<Name> operands, TensorType type) {
    var wide = type.with(computes(type.dtype()));
    var gradient = out.cast(operands.getFirst(), wide.dtype());
    var filter = out.cast(operands.get(1), wide.dtype());
    var result = transposed(out, gradient, filter, op.window(), op.groups(), wide);
    return out.cast(result, type.dtype());
  }

  /** Without padding, so that the result is cropped and filled up to the size that it had. */
  static Name transposed(
      Emitter out, Name gradient, Name filter, Window window, long groups, TensorType type) {
    int axes = window.rank();
    var none = Collections.nCopies(axes, 0L);
    var bare = new Window(window.strides(), none, none, window.dilation());
    var dims = new ArrayList<>(List.of(type.dim(0), type.dim(1)));
    var low = new ArrayList<>(List.of(0L, 0L));
    var high = new ArrayList<>(List.of(0L, 0L));
    for (int i = 0; i < axes; i++) {
      long extent = window.dilation().get(i) * (filter.dim(i + 2) - 1) + 1;
      long full = (gradient.dim(i + 2) - 1) * window.strides().get(i) + extent;
      dims.add(full);
      low.add(-window.low().get(i));
      high.add(type.dim(i + 2) - full + window.low().get(i));
    }
    var full =
        out.node(
            "ConvTranspose",
            type.with(Shape.of(dims)),
            List.of(gradient, filter),
            attributes(bare, groups));
    return out.pad(full, low, high);
  }

  /**
   * A convolution whose channels are the batch, whose filter is the gradient, and whose strides are
   * the dilations; for each group.
   */
  static Name filterGradient(
      Emitter out, Primitive.ConvolutionFilterGradient op, List<Name> operands, TensorType type) {
    var wide = type.with(computes(type.dtype()));
    var x = cropped(out, out.cast(operands.getFirst(), wide.dtype()), op.window());
    var gradient = out.cast(operands.get(1), wide.dtype());
    var window = positive(op.window());
    var swapped =
        new Window(
            /* strides= */ window.dilation(),
            window.low(),
            window.high(),
            /* dilation= */ window.strides());
    long inputs = type.dim(1);
    long outputs = type.dim(0) / op.groups();
    var parts = new ArrayList<Name>();
    for (long group = 0; group < op.groups(); group++) {
      var image = out.slice(x, 1, group * inputs, (group + 1) * inputs);
      var filter = out.slice(gradient, 1, group * outputs, (group + 1) * outputs);
      var swap = new ArrayList<>(x.shape().axes());
      Collections.swap(swap, 0, 1);
      image = out.transpose(image, swap);
      filter = out.transpose(filter, swap);
      var dims = new ArrayList<>(List.of(inputs, outputs));
      for (int i = 0; i < swapped.rank(); i++) {
        dims.add(swapped.outputSize(i, image.dim(i + 2), filter.dim(i + 2)));
      }
      var result = wide.with(Shape.of(dims));
      var all = out.node("Conv", result, List.of(image, filter), attributes(swapped, 1));
      // Elements that the last stride did not reach give taps that the filter has not.
      for (int i = 0; i < swapped.rank(); i++) {
        all = out.slice(all, i + 2, 0, type.dim(i + 2));
      }
      parts.add(out.transpose(all, swap));
    }
    return out.cast(out.concat(0, parts), type.dtype());
  }
}
