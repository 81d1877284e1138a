package dev.gamelan.pass;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Scalar;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Drops what changes nothing. Only where the result is the same bit for bit: x·1 goes, x+0 stays
 * for floats, since -0.0 + 0.0 is 0.0.
 */
public final class AlgebraicSimplification implements Pass {
  @Override
  public Graph apply(Graph graph) {
    var producers = new HashMap<Value, Node>();
    return Rewrite.of(
        graph,
        (g, node, operands) -> {
          var op = Rewrite.bodies(node.op(), this::apply);
          var same = simpler(g, producers, op, operands, node);
          if (same.isPresent()) return List.of(same.get());
          var added = g.addNode(op, operands, node);
          added.results().forEach(result -> producers.put(result, added));
          return added.results();
        });
  }

  private Optional<Value> simpler(
      GraphBuilder g, Map<Value, Node> producers, Op op, List<Value> operands, Node node) {
    if (operands.isEmpty() || node.results().size() != 1) return Optional.empty();
    var x = operands.getFirst();
    boolean sameType = x.type().equals(node.result().type());
    return switch (op) {
      case Primitive.Convert c when sameType && !c.saturate() -> Optional.of(x);
      case Primitive.Bitcast b when sameType -> Optional.of(x);
      case Primitive.Reshape r when sameType -> Optional.of(x);
      case Primitive.Reshape r ->
          through(producers, x, Primitive.Reshape.class).map(inner -> g.reshape(inner, r.shape()));
      case Primitive.Transpose t when t.permutation().equals(x.shape().axes()) -> Optional.of(x);
      case Primitive.Transpose t -> untranspose(g, producers, x, t);
      case Primitive.BroadcastInDim b when sameType && b.axes().equals(x.shape().axes()) ->
          Optional.of(x);
      case Primitive.Slice s when sameType -> Optional.of(x);
      case Primitive.DynamicSlice s when sameType -> Optional.of(x);
      case Primitive.Reverse r when r.axes().isEmpty() -> Optional.of(x);
      case Primitive.Reverse r -> undone(producers, x, r);
      case Primitive.Concatenate c when operands.size() == 1 -> Optional.of(x);
      case Primitive.Reduce r when r.axes().isEmpty() -> Optional.of(x);
      case Primitive.Select s when operands.get(1).equals(operands.get(2)) ->
          Optional.of(operands.get(1));
      case Primitive.Unary u when u.kind() == UnaryKind.NEG || u.kind() == UnaryKind.NOT ->
          undone(producers, x, u);
      case Primitive.Binary b -> neutral(producers, b.kind(), x, operands.get(1));
      default -> Optional.empty();
    };
  }

  /** Of an op that is its own inverse: what the first of two was applied to. */
  private static Optional<Value> undone(Map<Value, Node> producers, Value x, Op op) {
    return Optional.ofNullable(producers.get(x))
        .filter(producer -> producer.op().equals(op))
        .map(producer -> producer.inputs().getFirst());
  }

  private static Optional<Value> through(
      Map<Value, Node> producers, Value x, Class<? extends Op> type) {
    return Optional.ofNullable(producers.get(x))
        .filter(producer -> type.isInstance(producer.op()))
        .map(producer -> producer.inputs().getFirst());
  }

  private static Optional<Value> untranspose(
      GraphBuilder g, Map<Value, Node> producers, Value x, Primitive.Transpose outer) {
    var p = producers.get(x);
    if (p == null || !(p.op() instanceof Primitive.Transpose inner)) return Optional.empty();
    var permutation = outer.permutation().stream().map(inner.permutation()::get).toList();
    return Optional.of(g.transpose(p.inputs().getFirst(), permutation));
  }

  private static Optional<Value> neutral(
      Map<Value, Node> producers, BinaryKind kind, Value a, Value b) {
    var dtype = a.type().dtype();
    var zero = Scalar.of(dtype, 0L);
    var one = Scalar.of(dtype, 1L);
    var additive = dtype.isFloat() ? Scalar.of(dtype, -0.0) : zero;
    return switch (kind) {
      case ADD -> either(producers, a, b, additive);
      case MUL -> either(producers, a, b, one);
      case SUB -> isFill(producers, b, zero) ? Optional.of(a) : Optional.empty();
      case DIV -> isFill(producers, b, one) ? Optional.of(a) : Optional.empty();
      case OR, XOR -> either(producers, a, b, zero);
      case SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC ->
          isFill(producers, b, zero) ? Optional.of(a) : Optional.empty();
      case REM, POW, MAX, MIN, ATAN2, AND -> Optional.empty();
    };
  }

  private static Optional<Value> either(
      Map<Value, Node> producers, Value a, Value b, Scalar neutral) {
    if (isFill(producers, b, neutral)) return Optional.of(a);
    return isFill(producers, a, neutral) ? Optional.of(b) : Optional.empty();
  }

  private static boolean isFill(Map<Value, Node> producers, Value x, Scalar value) {
    var p = producers.get(x);
    return p != null && p.op() instanceof Primitive.Fill fill && fill.value().equals(value);
  }
}
