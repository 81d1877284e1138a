package dev.gamelan.pytorch;

import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What stands for a value in TorchScript: a name, or a number that every element is.
 *
 * @param memory whose memory it lies in
 * @param layout how
 */
record Term(
    TorchScript script,
    TensorType type,
    @Nullable String name,
    @Nullable Scalar number,
    Memory memory,
    Layout layout) {

  /** How a tensor's elements lie. */
  enum Layout {
    /** Row-major, without gaps. */
    DENSE,
    /** Each element has a place of its own. */
    STRIDED,
    /** Elements share places, as after a broadcast. */
    SHARED,
    /** The tensor has axes of size 1, or lacks leading axes, where the value repeats. */
    NARROW
  }

  /** A tensor's memory, which views share. */
  static final class Memory {
    private final boolean writable;
    private final List<Value> values = new ArrayList<>();

    Memory(boolean writable) {
      this.writable = writable;
    }

    boolean isWritable() {
      return writable;
    }

    /** All values that lie in it so far. */
    List<Value> values() {
      return values;
    }
  }

  static Term named(TorchScript script, Value value, String name, Memory memory, Layout layout) {
    memory.values().add(value);
    return new Term(script, value.type(), name, null, memory, layout);
  }

  static Term number(TorchScript script, Value value, Scalar number) {
    return new Term(script, value.type(), null, number, new Memory(false), Layout.NARROW);
  }

  /** A tensor of the value's shape. */
  String tensor() {
    if (name != null && layout != Layout.NARROW) return name;
    var narrow = broadcastable();
    return type.rank() == 0
        ? narrow
        : script.let("torch.expand(%s, %s)", narrow, TorchScript.list(type.shape().toList()));
  }

  /** A tensor that broadcasts to the value's shape. */
  String broadcastable() {
    return name != null ? name : script.constant(scalar());
  }

  /** Whether its tensor has the value's shape as it is. */
  boolean isFull() {
    return layout != Layout.NARROW;
  }

  /** Whether elements share places. */
  boolean overlapping() {
    return layout == Layout.SHARED || layout == Layout.NARROW;
  }

  /** As TorchScript writes a number, where it can. */
  Optional<String> literal() {
    return number == null ? Optional.empty() : literal(number);
  }

  private Scalar scalar() {
    if (number == null) throw new IllegalStateException("neither a name nor a number");
    return number;
  }

  static Optional<String> literal(Scalar number) {
    var dtype = number.dtype();
    if (dtype.isBool()) return Optional.of(number.bits() != 0 ? "True" : "False");
    if (dtype.isFloat()) {
      double value = number.toDouble();
      return Double.isFinite(value)
          ? Optional.of(Double.toString(value).replace('E', 'e'))
          : Optional.empty();
    }
    long value = number.toLong();
    // TorchScript's minus is an operator, and the magnitude of the least i64 is none.
    return Optional.of(
        value == Long.MIN_VALUE ? "(-%d - 1)".formatted(Long.MAX_VALUE) : Long.toString(value));
  }

  DType dtype() {
    return type.dtype();
  }
}
