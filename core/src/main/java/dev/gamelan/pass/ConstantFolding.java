package dev.gamelan.pass;

import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Computes now what depends on constants only: small tensors whole, and fills of any size by their
 * one element.
 */
public final class ConstantFolding implements Pass {
  /** Computes one op: how to is not this package's business. */
  @FunctionalInterface
  public interface Evaluator {
    List<Literal> evaluate(Op op, List<Literal> operands);
  }

  private final Evaluator evaluator;

  public ConstantFolding(Evaluator evaluator) {
    this.evaluator = evaluator;
  }

  @Override
  public Graph apply(Graph graph) {
    var known = new HashMap<Value, Op>();
    return Rewrite.of(graph, (g, node, operands) -> fold(known, g, node, operands));
  }

  private List<Value> fold(Map<Value, Op> known, GraphBuilder g, Node node, List<Value> operands) {
    var op = Rewrite.bodies(node.op(), this::apply);
    var folded =
        operands.isEmpty() || !known.keySet().containsAll(operands)
            ? Optional.<Op>empty()
            : folded(op, operands.stream().map(known::get).toList(), node.results());
    var results =
        folded.map(f -> List.of(g.add(f))).orElseGet(() -> g.addNode(op, operands, node).results());
    var added = folded.orElse(op);
    if (added instanceof Primitive.Fill || added instanceof Primitive.Constant) {
      known.put(results.getFirst(), added);
    }
    return results;
  }

  private Optional<Op> folded(Op op, List<Op> operands, List<Value> results) {
    if (results.size() != 1 || op instanceof Primitive.Barrier || op instanceof Composite) {
      return Optional.empty();
    }
    var type = results.getFirst().type();
    boolean fills = operands.stream().allMatch(Primitive.Fill.class::isInstance);
    if (fills) {
      var values = operands.stream().map(o -> ((Primitive.Fill) o).value()).toList();
      var value = element(op, values);
      if (value.isPresent()) return Optional.of(new Primitive.Fill(value.get(), type.shape()));
    }
    boolean small = type.bytes() <= Literal.MAX_BYTES && operands.stream().allMatch(this::isSmall);
    // Loops may be long, and custom calls are an engine's own.
    boolean foreign = !op.bodies().isEmpty() || op instanceof Primitive.CustomCall;
    if (!small || foreign) return Optional.empty();
    var literals = operands.stream().map(ConstantFolding::literal).toList();
    return Optional.of(new Primitive.Constant(evaluator.evaluate(op, literals).getFirst()));
  }

  /** The one element of the result where all elements are alike. */
  private Optional<Scalar> element(Op op, List<Scalar> operands) {
    return switch (op) {
      case Primitive.Unary u -> Optional.of(evaluated(op, operands));
      case Primitive.Binary b -> Optional.of(evaluated(op, operands));
      case Primitive.Compare c -> Optional.of(evaluated(op, operands));
      case Primitive.Select s -> Optional.of(evaluated(op, operands));
      case Primitive.Convert c -> Optional.of(evaluated(op, operands));
      case Primitive.Reshape r -> Optional.of(operands.getFirst());
      case Primitive.Transpose t -> Optional.of(operands.getFirst());
      case Primitive.BroadcastInDim b -> Optional.of(operands.getFirst());
      case Primitive.Slice s -> Optional.of(operands.getFirst());
      case Primitive.Reverse r -> Optional.of(operands.getFirst());
      default -> Optional.empty();
    };
  }

  private Scalar evaluated(Op op, List<Scalar> operands) {
    var literals =
        operands.stream().map(value -> Literal.of(scalar(value), List.of(value))).toList();
    return evaluator.evaluate(op, literals).getFirst().element(0);
  }

  private static TensorType scalar(Scalar value) {
    return new TensorType(value.dtype(), Shape.scalar());
  }

  private boolean isSmall(Op operand) {
    return operand instanceof Primitive.Constant
        || (operand instanceof Primitive.Fill fill
            && new TensorType(fill.value().dtype(), fill.shape()).bytes() <= Literal.MAX_BYTES);
  }

  private static Literal literal(Op operand) {
    if (operand instanceof Primitive.Constant constant) return constant.literal();
    var fill = (Primitive.Fill) operand;
    int size = (int) fill.shape().size();
    return Literal.of(
        new TensorType(fill.value().dtype(), fill.shape()),
        Collections.nCopies(size, fill.value()));
  }
}
