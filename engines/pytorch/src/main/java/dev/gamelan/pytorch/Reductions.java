package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.ScalarTypes.code;
import static dev.gamelan.pytorch.TorchScript.list;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/** Reductions and running reductions as TorchScript expressions. */
final class Reductions {
  private final TorchScript script;

  Reductions(TorchScript script) {
    this.script = script;
  }

  String reduce(Term x, TensorType result, ReduceKind kind, List<Integer> axes) {
    var dtype = x.dtype();
    if (x.type().size() == 0) return script.full(result, kind.identity(dtype));
    var tensor = x.tensor();
    return switch (kind) {
      case SUM -> "torch.sum(%s, %s, False, dtype=%d)".formatted(tensor, list(axes), code(dtype));
      case MAX -> "torch.amax(%s, %s, False)".formatted(tensor, list(axes));
      case MIN -> "torch.amin(%s, %s, False)".formatted(tensor, list(axes));
      case PROD -> product(lastAxis(x, axes), dtype);
      case AND, OR ->
          dtype.isBool()
              ? "torch.%s(%s, %s, False)"
                  .formatted(kind == ReduceKind.AND ? "all" : "any", tensor, list(axes))
              : bitwise(lastAxis(x, axes), kind, size(x.type().shape(), axes));
    };
  }

  /** Half precision is multiplied in f32 and rounded once. */
  private static String product(String x, DType dtype) {
    boolean half = dtype == DType.F16 || dtype == DType.BF16;
    var product =
        "torch.prod(%s, -1, False, dtype=%d)".formatted(x, code(half ? DType.F32 : dtype));
    return half ? "torch.to(%s, %d)".formatted(product, code(dtype)) : product;
  }

  /** The reduced axes as one, the last. */
  private String lastAxis(Term x, List<Integer> axes) {
    var shape = x.type().shape();
    var kept = shape.otherAxes(axes);
    var order = new ArrayList<>(kept);
    order.addAll(axes);
    var dims = shape.select(kept).append(size(shape, axes));
    return script.let("%s", Movement.reshape(Movement.transpose(x.tensor(), order), dims));
  }

  private static long size(Shape shape, List<Integer> axes) {
    return shape.select(axes).size();
  }

  /** Halves the last axis until one element is left; PyTorch has no such reduction. */
  private String bitwise(String x, ReduceKind kind, long size) {
    var rest = x;
    var function = kind == ReduceKind.AND ? "bitwise_and" : "bitwise_or";
    for (long n = size; n > 1; n = Math.ceilDiv(n, 2)) {
      long half = n / 2;
      var pairs =
          script.let(
              "torch.%s(torch.narrow(%s, -1, 0, %d), torch.narrow(%s, -1, %d, %d))",
              function, rest, half, rest, half, half);
      rest =
          n % 2 == 0
              ? pairs
              : script.let("torch.cat([%s, torch.narrow(%s, -1, %d, 1)], -1)", pairs, rest, n - 1);
    }
    return "torch.select(%s, -1, 0)".formatted(rest);
  }

  String argReduce(Term x, Primitive.ArgReduce op) {
    return "torch.to(torch.%s(%s, %d, False), %d)"
        .formatted(
            op.kind() == ArgKind.MAX ? "argmax" : "argmin",
            x.tensor(),
            op.axis(),
            code(op.index()));
  }

  String cumulate(Term x, Primitive.Cumulate op) {
    int axis = op.axis();
    if (x.type().size() == 0) return x.tensor();
    var tensor = op.reverse() ? flip(x.tensor(), axis) : x.tensor();
    var running =
        switch (op.kind()) {
          case SUM, PROD -> accumulated(tensor, op.kind(), axis, x.dtype());
          case MAX, MIN -> {
            var values = script.name();
            script.line(
                "%s, %s = torch.%s(%s, %d)",
                values,
                script.name(),
                op.kind() == ReduceKind.MAX ? "cummax" : "cummin",
                tensor,
                axis);
            yield values;
          }
          case AND, OR -> throw new IllegalStateException("inference lets no such kind through");
        };
    if (op.exclusive()) {
      var edge = x.type().with(x.type().shape().with(axis, 1));
      running =
          "torch.cat([%s, torch.narrow(%s, %d, 0, %d)], %d)"
              .formatted(
                  script.full(edge, op.kind().identity(x.dtype())),
                  running,
                  axis,
                  x.type().dim(axis) - 1,
                  axis);
    }
    return op.reverse() ? flip(running, axis) : running;
  }

  private static String accumulated(String x, ReduceKind kind, int axis, DType dtype) {
    boolean half = dtype == DType.F16 || dtype == DType.BF16;
    var result =
        "torch.%s(%s, %d, dtype=%d)"
            .formatted(
                kind == ReduceKind.SUM ? "cumsum" : "cumprod",
                x,
                axis,
                code(half ? DType.F32 : dtype));
    return half ? "torch.to(%s, %d)".formatted(result, code(dtype)) : result;
  }

  static String flip(String x, int axis) {
    return "torch.flip(%s, [%d])".formatted(x, axis);
  }
}
