package dev.gamelan.ir;

import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/** An op applied to operands. */
public record Node(int id, Op op, List<Value> inputs, List<Value> results) {
  public Node {
    inputs = List.copyOf(inputs);
    results = List.copyOf(results);
  }

  static Node of(int id, Op op, List<Value> inputs, List<TensorType> types) {
    var results = new ArrayList<Value>(types.size());
    for (int i = 0; i < types.size(); i++) results.add(new Value(id, i, types.get(i)));
    return new Node(id, op, inputs, results);
  }

  /** The only result. */
  public Value result() {
    if (results.size() != 1) {
      throw new IllegalStateException(
          "%s has %d results, not one".formatted(op.name(), results.size()));
    }
    return results.getFirst();
  }
}
