package dev.gamelan.tck;

import dev.gamelan.ir.Op;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * The conformance row of an op kind.
 *
 * @param op the name that {@link Op#name} gives
 * @param dtypes of the main operand for which there are cases
 * @param differentiable whether gradients are compared too, where the dtype is floating-point
 * @param cases for one of the dtypes
 */
public record OpSpec(
    String op, Set<DType> dtypes, boolean differentiable, Function<DType, List<Case>> cases) {
  /** An operand. */
  public record Input(TensorType type, Values values) {}

  /** One application of the op. */
  public record Case(Op op, List<Input> inputs) {
    /** All operands with the same values. */
    static Case of(Op op, Values values, TensorType... types) {
      var inputs = new ArrayList<Input>();
      for (var type : types) inputs.add(new Input(type, values));
      return new Case(op, inputs);
    }

    Case and(Values values, TensorType... types) {
      var more = new ArrayList<>(inputs);
      for (var type : types) more.add(new Input(type, values));
      return new Case(op, more);
    }
  }
}
