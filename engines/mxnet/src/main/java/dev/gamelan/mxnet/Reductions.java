package dev.gamelan.mxnet;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Map;

/** Reductions and running sums. */
final class Reductions {
  private final Writer w;

  Reductions(Writer writer) {
    this.w = writer;
  }

  int reduce(Term x, ReduceKind kind, List<Integer> axes, TensorType result) {
    int node = w.whole(x);
    if (axes.isEmpty()) return node;
    var op =
        switch (kind) {
          case SUM -> "sum";
          case PROD -> "prod";
          case MAX -> "max";
          case MIN -> "min";
          case AND -> "_np_all";
          case OR -> "_np_any";
        };
    int reduced = w.op(op, Map.of("axis", Symbol.tuple(axes)), node);
    return result.rank() == 0 ? w.reshape(reduced, 1) : reduced;
  }

  int cumulate(Term x, Primitive.Cumulate op) {
    int node = w.whole(x);
    var axis = Map.of("axis", op.axis());
    if (!op.reverse()) return w.op("cumsum", axis, node);
    return w.op("reverse", axis, w.op("cumsum", axis, w.op("reverse", axis, node)));
  }
}
