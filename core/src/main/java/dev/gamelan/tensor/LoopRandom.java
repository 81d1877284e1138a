package dev.gamelan.tensor;

import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The random numbers of a loop's body: its key is the loop's folded with the iteration, which a
 * hidden carry counts. Without a key in the context there is nothing to carry.
 */
final class LoopRandom {
  private final List<Tensor> start;

  LoopRandom() {
    boolean random = Context.current().random() != null;
    start = random ? List.of(Tensors.zeros(DType.I32), RandomKey.draw().words()) : List.of();
  }

  /** The first values of the hidden carries: the iteration and the loop's key. */
  List<Tensor> start() {
    return start;
  }

  /** The results of {@code body}, behind the next hidden carries. */
  List<Tensor> call(List<Tensor> hidden, Supplier<List<Tensor>> body) {
    if (hidden.isEmpty()) return body.get();
    var iteration = hidden.getFirst();
    var key = RandomKey.of(hidden.get(1)).foldIn(iteration);
    var results = new ArrayList<>(List.of(iteration.add(1), hidden.get(1)));
    results.addAll(key.use(body));
    return results;
  }
}
