package dev.gamelan.onnx.read;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Value;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** What a name of an ONNX graph stands for while the graph is imported. */
public sealed interface Operand {
  /** Elements that are known: shape arithmetic ends here, not in the graph. */
  record Known(Array array) implements Operand {
    @Override
    public TensorType type() {
      return array.type();
    }
  }

  /** An initializer: an input of the graph, bound to these bytes or to a parameter. */
  record Weight(String name, TensorType type, MemorySegment bytes) implements Operand {}

  /** A value that is computed in {@code block}, or one of its parameters. */
  record Computed(Block block, Value value) implements Operand {
    @Override
    public TensorType type() {
      return value.type();
    }
  }

  /** A random key, i32[2], which differs from call to call. */
  record Key(int number) implements Operand {
    @Override
    public TensorType type() {
      return TensorType.of(DType.I32, 2);
    }
  }

  /** A list of any length; it exists during the import only. */
  record Sequence(List<Operand> elements) implements Operand {
    public Sequence {
      elements = List.copyOf(elements);
    }

    @Override
    public TensorType type() {
      throw new OnnxException("a sequence stands where a tensor is needed");
    }
  }

  /** An optional value that is not there. */
  record Missing() implements Operand {
    @Override
    public TensorType type() {
      throw new OnnxException("an empty optional stands where a tensor is needed");
    }
  }

  TensorType type();
}
