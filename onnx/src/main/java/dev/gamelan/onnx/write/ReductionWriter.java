package dev.gamelan.onnx.write;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Many elements to one, and running reductions. */
final class ReductionWriter {
  private ReductionWriter() {}

  static Name reduce(Emitter out, Primitive.Reduce op, Name x, TensorType type) {
    if (op.axes().isEmpty()) return x;
    return switch (op.kind()) {
      case SUM -> reduce(out, "ReduceSum", op, x, type);
      case PROD -> reduce(out, "ReduceProd", op, x, type);
      case MAX -> reduce(out, "ReduceMax", op, x, type);
      case MIN -> reduce(out, "ReduceMin", op, x, type);
      case AND -> logical(out, "ReduceMin", op, x, type);
      case OR -> logical(out, "ReduceMax", op, x, type);
    };
  }

  private static Name reduce(
      Emitter out, String operator, Primitive.Reduce op, Name x, TensorType type) {
    var wide = type.with(Emitter.summable(type.dtype()));
    var operand = out.cast(x, wide.dtype());
    var reduced =
        out.node(
            operator,
            wide,
            List.of(operand, out.vector(op.axes())),
            Attribute.of("keepdims", false));
    return out.cast(reduced, type.dtype());
  }

  /** Of booleans as numbers; of integers' bits by halves. */
  private static Name logical(
      Emitter out, String operator, Primitive.Reduce op, Name x, TensorType type) {
    if (x.dtype().isBool()) {
      var numbers = out.cast(x, DType.I32);
      return out.cast(reduce(out, operator, op, numbers, type.with(DType.I32)), DType.BOOL);
    }
    var rest = x;
    for (int axis : op.axes()) {
      if (rest.dim(axis) == 0) {
        var identity = out.scalar(op.kind().identity(x.dtype()));
        rest = out.expand(identity, rest.shape().with(axis, 1));
      }
      while (rest.dim(axis) > 1) {
        long half = rest.dim(axis) / 2;
        var folded =
            PrimitiveWriter.combine(
                out,
                op.kind(),
                out.slice(rest, axis, 0, half),
                out.slice(rest, axis, half, 2 * half));
        boolean odd = rest.dim(axis) > 2 * half;
        rest =
            odd
                ? out.concat(axis, List.of(folded, out.slice(rest, axis, 2 * half, rest.dim(axis))))
                : folded;
      }
    }
    return out.reshape(rest, type.shape());
  }

  static Name cumulate(Emitter out, Primitive.Cumulate op, Name x) {
    if (op.kind() == ReduceKind.SUM) {
      var wide = x.type().with(Emitter.summable(x.dtype()));
      var sum =
          out.node(
              "CumSum",
              wide,
              List.of(out.cast(x, wide.dtype()), out.scalar(DType.I64, (long) op.axis())),
              Attribute.of("exclusive", op.exclusive()),
              Attribute.of("reverse", op.reverse()));
      return out.cast(sum, x.dtype());
    }
    // Each pass combines with the element twice as far away (Hillis, Steele, CACM 29, 1986).
    var identity = out.scalar(op.kind().identity(x.dtype()));
    var y = op.exclusive() ? shifted(out, op, x, 1, identity) : x;
    for (long distance = 1; distance < x.dim(op.axis()); distance *= 2) {
      y = PrimitiveWriter.combine(out, op.kind(), y, shifted(out, op, y, distance, identity));
    }
    return y;
  }

  private static Name shifted(
      Emitter out, Primitive.Cumulate op, Name x, long distance, Name identity) {
    long by = Math.min(distance, x.dim(op.axis()));
    var low = new ArrayList<>(Collections.nCopies(x.rank(), 0L));
    var high = new ArrayList<>(low);
    low.set(op.axis(), op.reverse() ? -by : by);
    high.set(op.axis(), op.reverse() ? by : -by);
    return out.pad(x, low, high, identity);
  }
}
