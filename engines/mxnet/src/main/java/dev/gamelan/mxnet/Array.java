package dev.gamelan.mxnet;

import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Unsupported;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;

/**
 * An NDArray. MXNet knows no scalars and nothing empty: a scalar has the shape (1), and so has what
 * is empty, which never reaches an op. Of a storage dtype it holds the bytes.
 *
 * @param handle freed by whoever owns the array
 */
record Array(MemorySegment handle, TensorType type) {
  /** Elements that the library counts to, as it is built. */
  static final long MOST_ELEMENTS = Integer.MAX_VALUE - 1L;

  private static final Shape ONE = Shape.of(1);

  /** Of unspecified contents. */
  static Array allocate(TensorType type) {
    var shape =
        type.dtype().isStorage() && type.bytes() > 0 ? Shape.of(type.bytes()) : stored(type);
    if (shape.size() > MOST_ELEMENTS) throw new EngineException(tooLarge(type).toString());
    int dtype = DataTypes.number(type.dtype());
    return new Array(MxNetBindings.createArray(shape.dims(), dtype), type);
  }

  static Unsupported tooLarge(TensorType type) {
    return new Unsupported(
        "%s, of more than %d elements on mxnet".formatted(type, MOST_ELEMENTS),
        "split it, or use another engine");
  }

  /** The shape of an array for a tensor that is computed with. */
  static Shape stored(TensorType type) {
    return type.rank() == 0 || type.size() == 0 ? ONE : type.shape();
  }

  /** Its elements, after what computes them. */
  MemorySegment read() {
    return MxNetBindings.memory(handle, type.bytes());
  }

  /** Its elements, after what reads or computes them. */
  MemorySegment write() {
    MxNetBindings.waitToWrite(handle);
    return read();
  }

  Array copy() {
    var copy = allocate(type);
    copy.read().copyFrom(read());
    return copy;
  }

  void free() {
    MxNetBindings.freeArray(handle);
  }
}
