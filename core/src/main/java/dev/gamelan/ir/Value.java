package dev.gamelan.ir;

import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import org.jspecify.annotations.Nullable;

/**
 * Result {@code index} of node {@code node}, or an input, of one graph or builder. Prints as {@code
 * %3}, or {@code %3:1} for further results.
 */
public record Value(int node, int index, TensorType type) {
  public Shape shape() {
    return type.shape();
  }

  public int rank() {
    return type.rank();
  }

  public long dim(int axis) {
    return type.dim(axis);
  }

  /** Flat: the maps of passes ask for it all the time. */
  @Override
  public int hashCode() {
    return 31 * node + index;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Value value
        && node == value.node
        && index == value.index
        && type.equals(value.type);
  }

  @Override
  public String toString() {
    return index == 0 ? "%" + node : "%" + node + ":" + index;
  }
}
