package dev.gamelan.pass;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** Asks how values of a graph are computed, in whatever order and shape exporters write it. */
final class Matcher {
  /** Of numbers that exporters round to f32, or to fewer digits. */
  private static final double TOLERANCE = 1e-5;

  /** Factors of factors; more is no pattern. */
  private static final int MAX_FACTORS = 8;

  private final Graph graph;

  Matcher(Graph graph) {
    this.graph = graph;
  }

  /** The operands of the node that computes {@code value} by {@code op}; empty if another does. */
  List<Value> operands(Value value, Op op) {
    var node = graph.producer(value);
    return node != null && node.op().equals(op) ? node.inputs() : List.of();
  }

  <T extends Op> Optional<Node> by(Value value, Class<T> op) {
    return Optional.ofNullable(graph.producer(value)).filter(node -> op.isInstance(node.op()));
  }

  Optional<Value> unary(UnaryKind kind, Value value) {
    return operands(value, new Primitive.Unary(kind)).stream().findFirst();
  }

  List<Value> binary(BinaryKind kind, Value value) {
    return operands(value, new Primitive.Binary(kind));
  }

  /** The other operand of a commutative op one of whose operands is {@code number} throughout. */
  Optional<Value> withNumber(BinaryKind kind, Value value, double number) {
    var operands = binary(kind, value);
    for (int i = 0; i < operands.size(); i++) {
      if (is(operands.get(i), number)) return Optional.of(operands.get(1 - i));
    }
    return Optional.empty();
  }

  boolean is(Value value, double number) {
    var constant = number(value);
    return constant.isPresent()
        && Math.abs(constant.getAsDouble() - number) <= TOLERANCE * Math.abs(number);
  }

  /** The number that every element of {@code value} is, if that is known. */
  OptionalDouble number(Value value) {
    var node = graph.producer(value);
    if (node == null) return OptionalDouble.empty();
    return switch (node.op()) {
      case Primitive.Fill fill -> OptionalDouble.of(fill.value().toDouble());
      case Primitive.BroadcastInDim b -> number(node.inputs().getFirst());
      case Primitive.Reshape r -> number(node.inputs().getFirst());
      case Primitive.Convert c -> number(node.inputs().getFirst());
      case Primitive.Constant c when c.literal().type().size() == 1 ->
          OptionalDouble.of(c.literal().element(0).toDouble());
      default -> OptionalDouble.empty();
    };
  }

  /** Without the broadcast that made it as large as the other operand. */
  Value unbroadcast(Value value) {
    return by(value, Primitive.BroadcastInDim.class)
        .map(node -> unbroadcast(node.inputs().getFirst()))
        .orElse(value);
  }

  /** What broadcasts and reshapes that only add or drop axes of size 1 make {@code value} from. */
  Value source(Value value) {
    var node = graph.producer(value);
    if (node == null) return value;
    boolean moves =
        node.op() instanceof Primitive.BroadcastInDim
            || (node.op() instanceof Primitive.Reshape
                && squeezed(node.inputs().getFirst()).equals(squeezed(value)));
    return moves ? source(node.inputs().getFirst()) : value;
  }

  private static List<Long> squeezed(Value value) {
    return value.shape().toList().stream().filter(dim -> dim != 1).toList();
  }

  /** What is multiplied to {@code value}, not looking into {@code whole}. */
  List<Value> factors(Value value, Value whole) {
    var factors = new ArrayList<Value>();
    collect(value, whole, factors);
    return factors;
  }

  private void collect(Value value, Value whole, List<Value> factors) {
    var operands = value.equals(whole) ? List.<Value>of() : binary(BinaryKind.MUL, value);
    if (operands.isEmpty() || factors.size() > MAX_FACTORS) factors.add(value);
    else operands.forEach(operand -> collect(operand, whole, factors));
  }

  /** x² as a power or a product. */
  Optional<Value> squared(Value value) {
    var product = binary(BinaryKind.MUL, value);
    if (!product.isEmpty() && product.getFirst().equals(product.get(1))) {
      return Optional.of(product.getFirst());
    }
    var power = binary(BinaryKind.POW, value);
    return !power.isEmpty() && is(power.get(1), 2)
        ? Optional.of(power.getFirst())
        : Optional.empty();
  }

  /** The operand of a mean over its last axis, which the mean may keep or have broadcast again. */
  Optional<Value> lastMean(Value value) {
    var mean = source(value);
    var quotient = binary(BinaryKind.DIV, mean);
    if (!quotient.isEmpty()) {
      return lastSum(quotient.getFirst())
          .filter(x -> is(quotient.get(1), (double) x.dim(x.rank() - 1)));
    }
    for (var factor : binary(BinaryKind.MUL, mean)) {
      var x = lastSum(factor);
      if (x.isPresent()) {
        double inverse = 1.0 / x.get().dim(x.get().rank() - 1);
        return withNumber(BinaryKind.MUL, mean, inverse).isPresent() ? x : Optional.empty();
      }
    }
    return Optional.empty();
  }

  private Optional<Value> lastSum(Value value) {
    var sum = source(value);
    var node = graph.producer(sum);
    if (node == null || !(node.op() instanceof Primitive.Reduce reduce)) return Optional.empty();
    var x = node.inputs().getFirst();
    boolean last = reduce.kind() == ReduceKind.SUM && reduce.axes().equals(List.of(x.rank() - 1));
    return last ? Optional.of(x) : Optional.empty();
  }
}
