package dev.gamelan.nn;

import dev.gamelan.ir.Primitive;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * The keys and values of positions that a {@link MultiHeadAttention} has seen, so that a new one
 * costs one position. State like any other: a compiled function updates it in place.
 */
public final class KeyValueCache {
  /**
   * Everything seen so far.
   *
   * @param keys [N, heads, capacity, D]; what is behind {@code lengths} is not valid
   * @param lengths i32[N]
   */
  public record Seen(Tensor keys, Tensor values, Tensor lengths) {}

  private final long capacity;
  private final Parameter keys;
  private final Parameter values;
  private final Parameter length;

  /**
   * @param heads key-value heads
   * @param capacity positions that it can hold
   */
  public KeyValueCache(long batch, long heads, long capacity, long headWidth) {
    this.capacity = capacity;
    var type = TensorType.of(DType.F32, batch, heads, capacity, headWidth);
    this.keys = Parameter.of(Tensors.zeros(type));
    this.values = Parameter.of(Tensors.zeros(type));
    this.length = Parameter.of(Tensors.zeros(DType.I32));
  }

  /**
   * Adds positions [N, heads, S, D]. Past the capacity everything becomes NaN, since a compiled
   * function can't throw: keep count, or look at {@link #length}.
   */
  public Seen append(Tensor newKeys, Tensor newValues) {
    var start = length.value();
    var end = start.add(newKeys.dim(2));
    var fits = end.le(capacity);
    keys.assign(inserted(keys.value(), newKeys, start, fits));
    values.assign(inserted(values.value(), newValues, start, fits));
    length.assign(end);
    var lengths = end.broadcastTo(Shape.of(newKeys.dim(0)));
    return new Seen(keys.value(), values.value(), lengths);
  }

  private static Tensor inserted(Tensor all, Tensor added, Tensor start, Tensor fits) {
    var zero = Tensors.zeros(DType.I32);
    var checked = fits.select(added, Tensors.full(TensorType.of(added.dtype()), Double.NaN));
    var operands = List.of(all, checked, zero, zero, start, zero);
    return Tensor.apply(new Primitive.DynamicUpdateSlice(), operands);
  }

  /** How many positions it holds; reads from the device. */
  public long length() {
    return length.value().toLong();
  }

  public long capacity() {
    return capacity;
  }

  /** Forgets all positions. */
  public void reset() {
    length.assign(Tensors.zeros(DType.I32));
  }
}
