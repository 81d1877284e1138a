package dev.gamelan.onnx.read;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A graph under construction: the whole one, the body of a loop, or a node that is computed at
 * once. Whatever its nodes use from outside becomes an input of it.
 */
final class Block {
  final GraphBuilder g = new GraphBuilder();
  private final boolean literals;
  private final Map<Operand, Value> captured = new LinkedHashMap<>();
  private final Map<Operand, Value> constants = new HashMap<>();

  /**
   * @param literals whether small known operands become constants rather than inputs
   */
  Block(boolean literals) {
    this.literals = literals;
  }

  /** An input that the block itself declares; those come before any use of something outside. */
  Operand parameter(TensorType type) {
    if (!captured.isEmpty()) throw new IllegalStateException("parameters come first");
    return computed(g.input(type));
  }

  Operand computed(Value value) {
    return new Operand.Computed(this, value);
  }

  /** {@code operand} as a value of this block. */
  Value value(Operand operand) {
    if (operand instanceof Operand.Computed computed && computed.block() == this) {
      return computed.value();
    }
    if (literals && operand instanceof Operand.Known known && fits(known.array())) {
      return constants.computeIfAbsent(operand, o -> constant(known.array()));
    }
    return captured.computeIfAbsent(operand, o -> g.input(o.type()));
  }

  /** What the inputs after the parameters stand for, in order. */
  List<Operand> captured() {
    return List.copyOf(captured.keySet());
  }

  Graph build(List<Value> outputs) {
    return g.build(outputs);
  }

  private static boolean fits(Array array) {
    return array.type().bytes() <= Literal.MAX_BYTES || isUniform(array);
  }

  private static boolean isUniform(Array array) {
    if (array.size() == 0) return true;
    if (array.type().dtype().isFloat()) {
      long first = Double.doubleToRawLongBits(array.floats()[0]);
      for (double x : array.floats()) if (Double.doubleToRawLongBits(x) != first) return false;
      return true;
    }
    for (long x : array.integers()) if (x != array.integers()[0]) return false;
    return true;
  }

  private Value constant(Array array) {
    var type = array.type();
    if (isUniform(array) && !type.dtype().isStorage()) {
      return g.add(new Primitive.Fill(first(array), type.shape()));
    }
    var bytes = new byte[(int) type.bytes()];
    array.write(MemorySegment.ofArray(bytes));
    return g.add(new Primitive.Constant(Literal.of(type, bytes)));
  }

  private static Scalar first(Array array) {
    var dtype = array.type().dtype();
    if (array.size() == 0) return Scalar.of(dtype, 0L);
    return dtype.isFloat()
        ? Scalar.of(dtype, array.floats()[0])
        : Scalar.of(dtype, array.integers()[0]);
  }
}
