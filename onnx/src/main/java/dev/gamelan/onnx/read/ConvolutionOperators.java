package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** Convolutions. */
final class ConvolutionOperators {
  private ConvolutionOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Conv", Operator.one(ConvolutionOperators::conv)),
        entry("ConvTranspose", Operator.one(ConvolutionOperators::convTranspose)),
        entry("DeformConv", Operator.one(ConvolutionOperators::deformConv)),
        entry("CausalConvWithState", Operator.all(ConvolutionOperators::causal)));
  }

  private static Value conv(OpContext n) {
    var y = convolve(n, n.x(0), n.x(1), n.x(0).type().dtype());
    return n.has(2) ? n.g.add(y, perChannel(n.g, n.x(2), y)) : y;
  }

  static Value convolve(OpContext n, Value x, Value filter, DType result) {
    if (x.rank() < 3 || filter.rank() != x.rank()) {
      throw n.error(
          "needs [N, C, spatial…] and [O, C, spatial…]; got %s and %s"
              .formatted(x.type(), filter.type()));
    }
    var window = Windows.of(n, Windows.spatial(x.shape()), Windows.spatial(filter.shape()));
    return n.g.add(new Primitive.Convolution(window, n.integer("group", 1), result), x, filter);
  }

  /** A vector of one number a channel, broadcast to [N, C, …]. */
  static Value perChannel(GraphBuilder g, Value vector, Value like) {
    return g.broadcastInDim(vector, like.shape(), List.of(1));
  }

  /** The gradient of a convolution with respect to its input. */
  private static Value convTranspose(OpContext n) {
    var x = n.x(0);
    var filter = n.x(1);
    if (x.rank() < 3 || filter.rank() != x.rank()) {
      throw n.error(
          "needs [N, C, spatial…] and [C, O, spatial…]; got %s and %s"
              .formatted(x.type(), filter.type()));
    }
    int axes = x.rank() - 2;
    var ones = Collections.nCopies(axes, 1L);
    var zeros = Collections.nCopies(axes, 0L);
    var strides = n.integers("strides", ones);
    var dilations = n.integers("dilations", ones);
    var more = n.integers("output_padding", zeros);
    var sizes = n.integers("output_shape", List.of());
    // It may name all axes, or the spatial ones only.
    var wanted = sizes.size() > axes ? sizes.subList(sizes.size() - axes, sizes.size()) : sizes;
    var pads = n.integers("pads", Collections.nCopies(2 * axes, 0L));
    var mode = n.text("auto_pad", "NOTSET");
    long groups = n.integer("group", 1);
    var low = new ArrayList<Long>();
    var high = new ArrayList<Long>();
    var dims = new ArrayList<>(List.of(x.dim(0), filter.dim(1) * groups));
    for (int i = 0; i < axes; i++) {
      long stride = strides.get(i);
      long extent = dilations.get(i) * (filter.dim(i + 2) - 1) + 1;
      long full = stride * (x.dim(i + 2) - 1) + more.get(i) + extent;
      long before = pads.get(i);
      long after = pads.get(i + axes);
      if (!wanted.isEmpty() || mode.startsWith("SAME")) {
        long size = wanted.isEmpty() ? x.dim(i + 2) * stride : wanted.get(i);
        long total = full - size;
        // What is missing comes at the end.
        before = total < 0 ? 0 : mode.equals("SAME_UPPER") ? total / 2 : total - total / 2;
        after = total - before;
      } else if (mode.equals("VALID")) {
        before = 0;
        after = 0;
      }
      low.add(before);
      // The extra rows are those that the convolution, going forward, would not reach.
      high.add(after - more.get(i));
      dims.add(full - before - after);
    }
    var window = new Window(strides, low, high, dilations);
    var op =
        new Primitive.ConvolutionInputGradient(window, groups, Shape.of(dims), x.type().dtype());
    var y = n.g.add(op, x, filter);
    return n.has(2) ? n.g.add(y, perChannel(n.g, n.x(2), y)) : y;
  }

  /**
   * A convolution whose taps are moved by computed offsets (Zhu et al., arXiv:1811.11168): samples
   * for each tap, then one contraction over channels and taps.
   */
  private static Value deformConv(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var filter = n.x(1);
    var offset = n.x(2);
    if (x.rank() != 4) throw n.error("needs [N, C, H, W]; got " + x.type());
    long groups = n.integer("group", 1);
    long offsetGroups = n.integer("offset_group", 1);
    var window = Windows.of(n, Windows.spatial(x.shape()), Windows.spatial(filter.shape()));
    long batch = x.dim(0);
    long channels = x.dim(1);
    long taps = filter.dim(2) * filter.dim(3);
    long height = window.outputSize(0, x.dim(2), filter.dim(2));
    long width = window.outputSize(1, x.dim(3), filter.dim(3));
    // Per offset group an image of its own: [N·G, C/G, H, W], positions [N·G, taps, h, w].
    var images =
        g.reshape(x, Shape.of(batch * offsetGroups, channels / offsetGroups, x.dim(2), x.dim(3)));
    var moved = g.reshape(offset, Shape.of(batch * offsetGroups, taps, 2, height, width));
    var positions = new ArrayList<Value>();
    for (int axis = 0; axis < 2; axis++) {
      var grid = TensorType.of(DType.I64, taps, height, width);
      var tap = g.iota(grid, 0);
      var columns = g.broadcastTo(g.scalar(DType.I64, filter.dim(3)), grid.shape());
      var inKernel = axis == 0 ? g.div(tap, columns) : g.binary(BinaryKind.REM, tap, columns);
      var start = g.mul(g.iota(grid, axis + 1), g.scalar(DType.I64, window.strides().get(axis)));
      var base = g.add(start, g.mul(inKernel, g.scalar(DType.I64, window.dilation().get(axis))));
      base = g.add(base, g.scalar(DType.I64, -window.low().get(axis)));
      var plane =
          g.reshape(
              g.slice(moved, 2, axis, axis + 1),
              Shape.of(batch * offsetGroups, taps, height, width));
      positions.add(g.add(plane, g.convert(base, x.type().dtype())));
    }
    var sampled = Sampler.linear(g, images, positions);
    if (n.has(4)) {
      var mask = g.reshape(n.x(4), Shape.of(batch * offsetGroups, 1, taps, height, width));
      sampled = g.mul(sampled, mask);
    }
    var columns =
        g.reshape(sampled, Shape.of(batch, groups, channels / groups * taps, height * width));
    var weights =
        g.reshape(filter, Shape.of(groups, filter.dim(0) / groups, channels / groups * taps));
    var dot =
        new Primitive.DotGeneral(List.of(0), List.of(1), List.of(2), List.of(2), x.type().dtype());
    // [G, O/G, N, h·w]
    var product = g.transpose(g.add(dot, weights, columns), List.of(2, 0, 1, 3));
    var y = g.reshape(product, Shape.of(batch, filter.dim(0), height, width));
    return n.has(3) ? g.add(y, perChannel(g, n.x(3), y)) : y;
  }

  /** Depthwise over a past that is carried from call to call. */
  private static List<Value> causal(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var filter = n.x(1);
    long past = filter.dim(2) - 1;
    var state =
        n.optional(3).orElseGet(() -> g.fill(x.type().with(Shape.of(x.dim(0), x.dim(1), past)), 0));
    var all = g.concatenate(2, List.of(state, x));
    var op = new Primitive.Convolution(Window.uniform(1, 1, 0), x.dim(1), x.type().dtype());
    var y = g.add(op, all, filter);
    if (n.has(2)) y = g.add(y, perChannel(g, n.x(2), y));
    var activation = n.text("activation", "none");
    if (!activation.equals("none")) y = g.add(new Activation.Silu(), y);
    return List.of(y, g.slice(all, 2, all.dim(2) - past, all.dim(2)));
  }
}
