package dev.gamelan.onnx.read;

import dev.gamelan.ir.Value;
import java.util.List;
import java.util.function.Function;

/** How one operator of the standard is said in our graph. */
@FunctionalInterface
interface Operator {
  /** Appends nodes to the block of {@code node}, and gives what its outputs stand for. */
  List<Operand> apply(OpContext node);

  static Operator one(Function<OpContext, Value> translation) {
    return node -> List.of(node.computed(translation.apply(node)));
  }

  static Operator all(Function<OpContext, List<Value>> translation) {
    return node -> translation.apply(node).stream().map(node::computed).toList();
  }
}
