package dev.gamelan.tensor;

import dev.gamelan.type.TensorType;
import org.jspecify.annotations.Nullable;

/** A result of a lazy node. */
record LazyValue(LazyNode node, int index) {
  TensorType type() {
    return node.types.get(index);
  }

  @Nullable DeviceBuffer buffer() {
    return node.buffers[index];
  }

  /** Follows what differentiation put in its place. */
  LazyValue resolve() {
    var value = this;
    while (true) {
      var replacement = value.node.replacement;
      if (replacement == null) return value;
      value = replacement.get(value.index);
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof LazyValue value && value.node == node && value.index == index;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(node) * 31 + index;
  }
}
