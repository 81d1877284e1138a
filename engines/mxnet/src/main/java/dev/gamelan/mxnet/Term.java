package dev.gamelan.mxnet;

import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import org.jspecify.annotations.Nullable;

/**
 * What a value is in a symbol.
 *
 * @param node its node, which a number has none of
 * @param type of the value
 * @param stored the node's shape; what it lacks to the type's is broadcast where an op needs that
 * @param number each element, where all are one that is known
 */
record Term(int node, TensorType type, Shape stored, @Nullable Scalar number) {
  /** All of it. */
  static Term of(int node, TensorType type) {
    return new Term(node, type, Array.stored(type), null);
  }

  static Term number(Scalar number, TensorType type) {
    return new Term(-1, type, Array.stored(type), number);
  }

  boolean isWhole() {
    return number == null && stored.equals(Array.stored(type));
  }

  DType dtype() {
    return type.dtype();
  }
}
