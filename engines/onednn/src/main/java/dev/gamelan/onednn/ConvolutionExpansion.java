package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.pass.Rewrite;
import dev.gamelan.pass.WindowViews;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * Convolutions that the library does not compute: in f32 where that is all it takes, else as
 * products of matrices, what the window sees, row by row, times the filter [1]. Where each channel
 * has a filter of its own, as a sum of products of views, which is one pointwise kernel. The
 * gradient of x is the convolution of the spread gradient with the filter turned around.
 *
 * <p>[1] Chellapilla et al., High performance convolutional neural networks for document
 * processing, 2006.
 */
final class ConvolutionExpansion {
  /** Beyond this a kernel has more operands than it gains. */
  private static final long MOST_PLACES = 32;

  private final GraphBuilder g;
  private final Window window;
  private final long groups;
  private final Kernels kernels;

  private ConvolutionExpansion(GraphBuilder g, Window window, long groups, Kernels kernels) {
    this.g = g;
    this.kernels = kernels;
    this.window = window;
    this.groups = groups;
  }

  /**
   * @param exceptions convolutions that have a step of their own
   */
  static Graph apply(Graph graph, Kernels kernels, Predicate<Node> exceptions) {
    Predicate<Node> applies = node -> applies(node, kernels) && !exceptions.test(node);
    return graph.nodes().stream().anyMatch(applies)
        ? Rewrite.of(
            graph,
            (g, node, operands) ->
                applies.test(node)
                    ? rewritten(g, node, operands, kernels)
                    : g.addNode(node.op(), operands, node).results())
        : graph;
  }

  private static List<Value> rewritten(
      GraphBuilder g, Node node, List<Value> operands, Kernels kernels) {
    var left = g.widen(operands.get(0));
    var right = g.widen(operands.get(1));
    var wide = left.type().dtype() == DType.F32 ? DType.F32 : DType.I32;
    var result =
        switch (node.op()) {
          case Primitive.Convolution op ->
              new ConvolutionExpansion(g, op.window(), op.groups(), kernels)
                  .forward(left, right, wide);
          case Primitive.ConvolutionInputGradient op ->
              new ConvolutionExpansion(g, op.window(), op.groups(), kernels)
                  .inputGradient(left, right, op.input(), wide);
          case Primitive.ConvolutionFilterGradient op ->
              new ConvolutionExpansion(g, op.window(), op.groups(), kernels)
                  .filterGradient(left, right, op.filter(), wide);
          default -> throw new IllegalStateException(node.op().name() + " is no convolution");
        };
    return List.of(g.convert(result, node.result().type().dtype()));
  }

  private static boolean applies(Node node, Kernels kernels) {
    boolean convolution =
        node.op() instanceof Primitive.Convolution
            || node.op() instanceof Primitive.ConvolutionInputGradient
            || node.op() instanceof Primitive.ConvolutionFilterGradient;
    return convolution
        && !ConvolutionLowering.supported(node, kernels)
        && node.result().type().size() > 0
        && node.inputs().stream()
            .allMatch(x -> x.type().size() > 0 && DotExpansion.isNarrow(x.type().dtype()));
  }

  private Value forward(Value x, Value filter, DType dtype) {
    if (dtype == DType.F32
        && kernels.multiplies(dtype, dtype)
        && ConvolutionLowering.takes(window, x.shape(), filter.shape())) {
      return g.add(new Primitive.Convolution(window, groups, dtype), x, filter);
    }
    var size = spatial(filter);
    var result =
        new Primitive.Convolution(window, groups, dtype)
            .infer(List.of(x.type(), filter.type()))
            .getFirst()
            .shape();
    long inEach = filter.dim(1);
    long outEach = filter.dim(0) / groups;
    var pixels = result.toList().subList(2, result.rank());
    var rows = Shape.of(pixels).insert(0, result.dim(0));
    var last = rows.insert(rows.rank(), result.dim(1));
    var seen = seen(x, size, pixels);
    Value product;
    if (inEach == 1 && outEach == 1 && seen.size() <= MOST_PLACES) {
      product = sumOfProducts(seen, filter, dtype);
    } else {
      var patches =
          g.reshape(
              g.concatenate(rows.rank(), seen), Shape.of(rows.size(), seen.size(), groups, inEach));
      var weights = g.reshape(filter, Shape.of(groups, outEach, inEach, seen.size()));
      var dot =
          new Primitive.DotGeneral(List.of(2), List.of(0), List.of(1, 3), List.of(3, 2), dtype);
      product = g.reshape(g.transpose(g.add(dot, patches, weights), List.of(1, 0, 2)), last);
    }
    return g.transpose(product, ChannelsLast.toFirst(result.rank()));
  }

  private Value sumOfProducts(List<Value> seen, Value filter, DType dtype) {
    var byPlace = g.reshape(filter, Shape.of(groups, seen.size()));
    Value sum = null;
    for (int place = 0; place < seen.size(); place++) {
      var x = g.convert(seen.get(place), dtype);
      var weight = g.reshape(g.slice(byPlace, 1, place, place + 1L), Shape.of(groups));
      var product =
          g.mul(x, g.broadcastInDim(g.convert(weight, dtype), x.shape(), List.of(x.rank() - 1)));
      sum = sum == null ? product : g.add(sum, product);
    }
    if (sum == null) throw new IllegalStateException("a filter has an element");
    return sum;
  }

  private Value inputGradient(Value gradient, Value filter, Shape input, DType dtype) {
    int spatial = window.rank();
    var low = new ArrayList<>(List.of(0L, 0L));
    var high = new ArrayList<>(List.of(0L, 0L));
    var gaps = new ArrayList<>(List.of(0L, 0L));
    for (int i = 0; i < spatial; i++) {
      long reach = (filter.dim(i + 2) - 1) * window.dilation().get(i);
      long stride = window.strides().get(i);
      long before = reach - window.low().get(i);
      long spread = (gradient.dim(i + 2) - 1) * stride + 1;
      low.add(before);
      high.add(input.dim(i + 2) + reach - spread - before);
      gaps.add(stride - 1);
    }
    var zero = g.add(new Primitive.Fill(Scalar.of(gradient.type().dtype(), 0L), Shape.scalar()));
    var spread = g.add(new Primitive.Pad(low, high, gaps), gradient, zero);
    var ones = Collections.nCopies(spatial, 1L);
    var none = Collections.nCopies(spatial, 0L);
    var still = new Window(ones, none, none, window.dilation());
    return new ConvolutionExpansion(g, still, groups, kernels)
        .forward(spread, turned(filter), dtype);
  }

  /** The filter from results to operands: [C, O/groups, spatial…], each axis in reverse. */
  private Value turned(Value filter) {
    long inEach = filter.dim(1);
    long outEach = filter.dim(0) / groups;
    var size = spatial(filter).toList();
    var grouped = Shape.of(size).insert(0, inEach).insert(0, outEach).insert(0, groups);
    var order = new ArrayList<>(List.of(0, 2, 1));
    IntStream.range(3, grouped.rank()).forEach(order::add);
    var swapped = g.transpose(g.reshape(filter, grouped), order);
    var flat = g.reshape(swapped, Shape.of(size).insert(0, outEach).insert(0, groups * inEach));
    return g.add(new Primitive.Reverse(IntStream.range(2, flat.rank()).boxed().toList()), flat);
  }

  private Value filterGradient(Value x, Value gradient, Shape filter, DType dtype) {
    var size = filter.range(2, filter.rank());
    var pixels = gradient.shape().toList().subList(2, gradient.rank());
    var seen = seen(x, size, pixels);
    long inEach = filter.dim(1);
    long outEach = filter.dim(0) / groups;
    long rows = gradient.type().size() / gradient.dim(1);
    var patches =
        g.reshape(
            g.concatenate(gradient.rank() - 1, seen), Shape.of(rows, seen.size(), groups, inEach));
    var back =
        g.reshape(
            g.transpose(gradient, ChannelsLast.toLast(gradient.rank())),
            Shape.of(rows, groups, outEach));
    var dot = new Primitive.DotGeneral(List.of(1), List.of(2), List.of(0), List.of(0), dtype);
    var sums = g.add(dot, back, patches); // [groups, outEach, places, inEach]
    return g.reshape(g.transpose(sums, List.of(0, 1, 3, 2)), filter);
  }

  /** For each place in the window what it sees, [n, pixels…, c]. */
  private List<Value> seen(Value x, Shape size, List<Long> pixels) {
    var views = new WindowViews(g, size, window, 1);
    var last = g.transpose(x, ChannelsLast.toLast(x.rank()));
    var padded = views.padded(last, Scalar.of(x.type().dtype(), 0L));
    return IntStream.range(0, views.places())
        .mapToObj(place -> views.view(padded, place, pixels))
        .toList();
  }

  private static Shape spatial(Value filter) {
    return filter.shape().range(2, filter.rank());
  }
}
