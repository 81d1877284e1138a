package dev.gamelan.onnx.write;

import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/** Pools and their gradients. */
final class PoolWriter {
  private PoolWriter() {}

  static Name pool(Emitter out, Primitive.Pool op, Name x, TensorType type) {
    if (!x.dtype().isFloat()) {
      // Sums of integers that f64 holds are exact.
      var wide = pool(out, op, out.cast(x, DType.F64), type.with(DType.F64));
      return out.cast(PointwiseWriter.plain(out, "Round", wide), x.dtype());
    }
    return switch (op.kind()) {
      // Without the places of the largest: runtimes have nothing faster for those.
      case MAX -> out.node("MaxPool", type, List.of(x), attributes(op.size(), op.window()));
      case AVERAGE -> average(out, op.size(), op.window(), op.countPadding(), x, type);
      case SUM ->
          out.mul(average(out, op.size(), op.window(), true, x, type), (double) op.size().size());
    };
  }

  private static Name average(
      Emitter out, Shape size, Window window, boolean countPadding, Name x, TensorType type) {
    var attributes = new ArrayList<>(List.of(attributes(size, window)));
    attributes.add(Attribute.of("count_include_pad", countPadding));
    return out.node("AveragePool", type, List.of(x), attributes.toArray(Attribute[]::new));
  }

  private static Attribute[] attributes(Shape size, Window window) {
    var pads = new ArrayList<>(window.low());
    pads.addAll(window.high());
    return new Attribute[] {
      Attribute.of("kernel_shape", size.toList()),
      Attribute.of("strides", window.strides()),
      Attribute.of("pads", pads),
      Attribute.of("dilations", window.dilation())
    };
  }

  static Name gradient(Emitter out, Primitive.PoolGradient op, List<Name> operands) {
    var x = operands.getFirst();
    var gradient = operands.get(1);
    if (op.kind() == PoolKind.MAX) return maxGradient(out, op, x, gradient);
    var share = gradient;
    if (op.kind() == PoolKind.AVERAGE) {
      double whole = op.size().size();
      var elements = out.scalar(x.dtype(), whole);
      if (!op.countPadding()) {
        // The part of each window that is inside, times its size.
        var ones = out.expand(out.scalar(x.dtype(), 1), x.shape());
        var inside = average(out, op.size(), op.window(), true, ones, gradient.type());
        elements = out.mul(inside, whole);
      }
      share = out.binary("Div", gradient, elements, gradient.type());
    }
    var kernel = Shape.of(x.dim(1), 1).append(op.size().dims());
    var ones = out.expand(out.scalar(x.dtype(), 1), kernel);
    return ContractionWriter.transposed(out, share, ones, op.window(), x.dim(1), x.type());
  }

  /** Each window's gradient to the element that was its largest. */
  private static Name maxGradient(Emitter out, Primitive.PoolGradient op, Name x, Name gradient) {
    var type = gradient.type();
    var pooled =
        out.nodes(
            "MaxPool",
            List.of(type, type.with(DType.I64)),
            List.of(x),
            attributes(op.size(), op.window()));
    var found = pooled.get(1);
    long count = gradient.shape().size();
    var zeros = out.expand(out.scalar(x.dtype(), 0), Shape.of(x.shape().size()));
    var flat =
        out.node(
            "ScatterElements",
            zeros.type(),
            List.of(
                zeros, out.reshape(found, Shape.of(count)), out.reshape(gradient, Shape.of(count))),
            Attribute.of("axis", 0L),
            Attribute.of("reduction", "add"));
    return out.reshape(flat, x.shape());
  }
}
