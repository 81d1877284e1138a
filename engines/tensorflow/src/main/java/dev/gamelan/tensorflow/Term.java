package dev.gamelan.tensorflow;

import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.Collections;
import org.jspecify.annotations.Nullable;

/**
 * What a value is in a GraphDef.
 *
 * @param node its node, which a number has none of
 * @param type of the value
 * @param stored the node's shape; where it has 1 and the type more, what reads it broadcasts
 * @param channelsLast whether the node's axes lie as [N, spatial…, C]
 * @param number each element, where all are one that is known
 */
record Term(
    String node, TensorType type, Shape stored, boolean channelsLast, @Nullable Scalar number) {
  /** All of it. */
  static Term of(String node, TensorType type) {
    return new Term(node, type, type.shape(), false, null);
  }

  static Term number(Scalar number, TensorType type) {
    return new Term("", type, ones(type.rank()), false, number);
  }

  /** All of it, the channels last. */
  static Term channelsLast(String node, TensorType type) {
    return new Term(node, type, type.shape(), true, null);
  }

  boolean isWhole() {
    return number == null && stored.equals(type.shape());
  }

  DType dtype() {
    return type.dtype();
  }

  static Shape ones(int rank) {
    return Shape.of(Collections.nCopies(rank, 1L));
  }
}
