package dev.gamelan.pass;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Scalar;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Makes a sum of pieces that are padded with zeros, lie one behind the other and leave nothing
 * open, their concatenation: the gradient of what was split, as queries, keys and values are. A
 * zero keeps its sign, which the sum would make positive.
 */
public final class PadsToConcatenation implements Pass {
  private record Piece(long start, Value value) {}

  /** A value that is zero along an axis but for its pieces. */
  private record Pieces(int axis, List<Piece> pieces) {
    /** Empty where any two overlap: then nothing makes a concatenation of them any more. */
    Optional<Pieces> and(Pieces other) {
      var all = new ArrayList<>(pieces);
      all.addAll(other.pieces);
      all.sort(Comparator.comparingLong(Piece::start));
      for (int i = 1; i < all.size(); i++) {
        var before = all.get(i - 1);
        if (before.start + before.value.dim(axis) > all.get(i).start) return Optional.empty();
      }
      return Optional.of(new Pieces(axis, List.copyOf(all)));
    }

    /** Whether they cover {@code size} places, each once. */
    boolean cover(long size) {
      long end = 0;
      for (var piece : pieces) {
        if (piece.start != end) return false;
        end += piece.value.dim(axis);
      }
      return end == size;
    }
  }

  @Override
  public Graph apply(Graph graph) {
    var zeros = new HashSet<Value>();
    var known = new HashMap<Value, Pieces>();
    return Rewrite.of(
        graph,
        (g, node, operands) -> {
          var op = Rewrite.bodies(node.op(), this::apply);
          var sum = sum(node, operands, known);
          if (sum.isPresent() && sum.get().cover(node.result().dim(sum.get().axis))) {
            return List.of(concatenated(g, sum.get()));
          }
          var results = g.addNode(op, operands, node).results();
          sum.ifPresent(pieces -> known.put(results.getFirst(), pieces));
          if (op instanceof Primitive.Fill fill && isZero(fill.value())) {
            zeros.add(results.getFirst());
          }
          if (op instanceof Primitive.Pad pad) {
            padded(pad, operands, zeros).ifPresent(p -> known.put(results.getFirst(), p));
          }
          return results;
        });
  }

  private static boolean isZero(Scalar value) {
    return value.equals(Scalar.of(value.dtype(), 0L));
  }

  private static Optional<Pieces> padded(
      Primitive.Pad pad, List<Value> operands, Set<Value> zeros) {
    var axes =
        IntStream.range(0, pad.low().size())
            .filter(axis -> pad.low().get(axis) != 0 || pad.high().get(axis) != 0)
            .boxed()
            .toList();
    boolean spread = pad.interior().stream().anyMatch(gap -> gap != 0);
    if (axes.size() != 1 || spread || !zeros.contains(operands.get(1))) return Optional.empty();
    int axis = axes.getFirst();
    long start = pad.low().get(axis);
    boolean cropped = start < 0 || pad.high().get(axis) < 0;
    return cropped || operands.getFirst().dim(axis) == 0
        ? Optional.empty()
        : Optional.of(new Pieces(axis, List.of(new Piece(start, operands.getFirst()))));
  }

  private static Optional<Pieces> sum(Node node, List<Value> operands, Map<Value, Pieces> known) {
    boolean adds = node.op() instanceof Primitive.Binary b && b.kind() == BinaryKind.ADD;
    if (!adds) return Optional.empty();
    var left = known.get(operands.get(0));
    var right = known.get(operands.get(1));
    return left != null && right != null && left.axis == right.axis
        ? left.and(right)
        : Optional.empty();
  }

  private static Value concatenated(GraphBuilder g, Pieces pieces) {
    return g.concatenate(pieces.axis, pieces.pieces.stream().map(Piece::value).toList());
  }
}
