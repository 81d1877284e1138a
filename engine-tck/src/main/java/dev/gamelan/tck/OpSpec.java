package dev.gamelan.tck;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Op;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Stream;

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

    /** The op alone, applied to the inputs in order. */
    public Graph graph() {
      var types = inputs.stream().map(Input::type).toList();
      return GraphBuilder.trace(types, (g, values) -> g.addAll(op, values));
    }

    /** What the inputs are filled with. */
    public List<Array> arrays(SplittableRandom random) {
      return inputs.stream().map(input -> input.values().fill(input.type(), random)).toList();
    }

    /** Whether infinities, NaN or the extremes of integers are among the inputs. */
    public boolean special() {
      return inputs.stream().anyMatch(input -> input.values() instanceof Values.Special);
    }

    /** A row may mix dtypes, as convert does; an engine answers for those that it declares. */
    boolean isOf(Set<DType> declared) {
      var graph = graph();
      return Stream.concat(graph.inputTypes().stream(), graph.outputTypes().stream())
          .map(TensorType::dtype)
          .allMatch(dtype -> dtype.isStorage() || declared.contains(dtype));
    }
  }
}
