package dev.gamelan.tensor;

import java.util.ArrayList;
import java.util.List;

/**
 * What is evaluated together once any of it is read: a loss and its gradients, and, where they are
 * small, the values in between to which the program may still hold handles. So the forward part
 * runs once, in whatever order they are read.
 */
record EvaluationGroup(List<LazyValue> results, List<LazyValue> intermediates) {
  private static final long KEPT_BYTES = 16L << 20;

  List<LazyValue> members() {
    var members = new ArrayList<>(results);
    if (intermediates.stream().mapToLong(value -> value.type().bytes()).sum() <= KEPT_BYTES) {
      members.addAll(intermediates);
    }
    return members;
  }
}
