package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Counts of n-grams of numbers. */
final class TextOperators {
  private TextOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(entry("TfIdfVectorizer", Operator.one(TextOperators::tfIdf)));
  }

  private static Value tfIdf(OpContext n) {
    var g = n.g;
    if (n.hasAttribute("pool_strings")) throw n.error("counts strings, which are no numbers");
    var x = n.x(0).rank() == 1 ? g.reshape(n.x(0), Shape.of(1, n.x(0).dim(0))) : n.x(0);
    var pool = n.integers("pool_int64s", List.of());
    var starts = n.integers("ngram_counts", List.of());
    var columns = n.integers("ngram_indexes", List.of());
    long shortest = n.required("min_gram_length").integer();
    long longest = n.required("max_gram_length").integer();
    long skips = n.required("max_skip_count").integer();
    long width = columns.stream().mapToLong(Long::longValue).max().orElse(-1) + 1;
    var counts = g.fill(TensorType.of(DType.F32, x.dim(0), width), 0);
    int gram = 0;
    for (int length = 1; length <= starts.size(); length++) {
      long from = starts.get(length - 1);
      long to = length < starts.size() ? starts.get(length) : pool.size();
      if (from < 0 || to < from || to > pool.size() || (to - from) % length != 0) {
        throw n.error("has ngram_counts %s for a pool of %d".formatted(starts, pool.size()));
      }
      var grams = pool.subList((int) from, (int) to);
      int count = grams.size() / length;
      if (gram + count > columns.size()) throw n.error("has too few ngram_indexes");
      if (count > 0 && length >= shortest && length <= longest) {
        var found = found(n, g.convert(x, DType.I64), grams, length, skips);
        counts = g.add(counts, placed(n, found, columns.subList(gram, gram + count), width));
      }
      gram += count;
    }
    var y = weighted(n, counts, columns, width);
    return n.type(0).rank() == 1 ? g.reshape(y, Shape.of(width)) : y;
  }

  /** How often each n-gram occurs in each row, [N, grams]. */
  private static Value found(OpContext n, Value x, List<Long> grams, int length, long skips) {
    var g = n.g;
    int count = grams.size() / length;
    Value sum = g.fill(TensorType.of(DType.F32, x.dim(0), count), 0);
    for (long step = 1; step <= (length == 1 ? 1 : skips + 1); step++) {
      long positions = x.dim(1) - (length - 1) * step;
      if (positions <= 0) break;
      var shape = Shape.of(x.dim(0), positions, count);
      @Nullable Value matches = null;
      for (int i = 0; i < length; i++) {
        var elements = new long[count];
        for (int k = 0; k < count; k++) elements[k] = grams.get(k * length + i);
        var wanted = g.broadcastInDim(n.value(Importer.known(elements)), shape, List.of(2));
        var window = g.slice(x, 1, i * step, i * step + positions);
        var equal =
            g.compare(CompareKind.EQ, g.broadcastInDim(window, shape, List.of(0, 1)), wanted);
        matches = matches == null ? equal : g.binary(BinaryKind.AND, matches, equal);
      }
      if (matches == null) throw new IllegalStateException("an n-gram of nothing");
      sum = g.add(sum, g.reduce(ReduceKind.SUM, g.convert(matches, DType.F32), List.of(1)));
    }
    return sum;
  }

  /** The columns of the result that they belong to. */
  private static Value placed(OpContext n, Value found, List<Long> columns, long width) {
    var places = new double[(int) (columns.size() * width)];
    for (int i = 0; i < columns.size(); i++) places[(int) (i * width + columns.get(i))] = 1;
    var type = TensorType.of(DType.F32, columns.size(), width);
    return n.g.matmul(found, n.value(new Operand.Known(Array.of(type, places))));
  }

  private static Value weighted(OpContext n, Value counts, List<Long> columns, long width) {
    var g = n.g;
    var mode = n.required("mode").string();
    if (mode.equals("TF")) return counts;
    var weights = new double[(int) width];
    Arrays.fill(weights, 1);
    var given = n.numbers("weights", List.of());
    for (int i = 0; i < given.size() && i < columns.size(); i++) {
      weights[columns.get(i).intValue()] = given.get(i);
    }
    var row = n.value(new Operand.Known(Array.of(TensorType.of(DType.F32, width), weights)));
    return g.mul(mode.equals("IDF") ? g.min(counts, 1) : counts, row);
  }
}
