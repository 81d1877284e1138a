package dev.gamelan.engine.reference;

import dev.gamelan.type.TensorType;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Stable sorts. */
final class Ordering {
  private Ordering() {}

  static List<Array> sort(List<Array> operands, int axis, boolean descending) {
    var keys = operands.getFirst();
    var from = new int[keys.size()];
    for (var line : Lines.along(keys.type().shape(), axis)) {
      var order = order(keys, line, descending);
      for (int i = 0; i < line.length(); i++) from[line.at(i)] = line.at(order[i]);
    }
    return operands.stream().map(operand -> operand.pick(operand.type(), from)).toList();
  }

  static List<Array> topK(Array x, List<TensorType> results, int k) {
    int axis = x.type().rank() - 1;
    var from = new int[Math.toIntExact(results.getFirst().size())];
    var indices = new long[from.length];
    int next = 0;
    for (var line : Lines.along(x.type().shape(), axis)) {
      var order = order(x, line, true);
      for (int i = 0; i < k; i++, next++) {
        from[next] = line.at(order[i]);
        indices[next] = order[i];
      }
    }
    return List.of(x.pick(results.getFirst(), from), Array.of(results.get(1), indices));
  }

  private static int[] order(Array keys, Lines.Line line, boolean descending) {
    Comparator<Integer> byKey =
        keys.isFloat()
            ? (a, b) -> compare(keys.floats()[line.at(a)], keys.floats()[line.at(b)], descending)
            : (a, b) -> {
              int order =
                  Pointwise.compare(
                      keys.integers()[line.at(a)],
                      keys.integers()[line.at(b)],
                      keys.type().dtype());
              return descending ? -order : order;
            };
    return IntStream.range(0, line.length()).boxed().sorted(byKey).mapToInt(i -> i).toArray();
  }

  /** NaN comes last either way; -0.0 equals 0.0. */
  private static int compare(double a, double b, boolean descending) {
    if (Double.isNaN(a) || Double.isNaN(b)) {
      return Boolean.compare(Double.isNaN(a), Double.isNaN(b));
    }
    if (a == b) return 0;
    return (a < b) == descending ? 1 : -1;
  }
}
