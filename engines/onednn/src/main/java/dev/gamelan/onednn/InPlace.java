package dev.gamelan.onednn;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Which outputs are written over donated inputs: an input that no step reads after the one that
 * writes the output, which reads each of its elements before it writes it.
 */
final class InPlace {
  /**
   * @param output its number
   * @param input whose memory it takes
   * @param copied whether its steps rely on it to hold what the input held
   */
  record Pair(int output, int input, boolean copied) {}

  private final List<Step> steps;
  private final List<Storage> inputs;
  private final Set<Integer> taken = new HashSet<>();

  private InPlace(List<Step> steps, List<Storage> inputs) {
    this.steps = steps;
    this.inputs = inputs;
  }

  /** The pairs; steps that would copy a storage to itself are removed from {@code steps}. */
  static List<Pair> find(List<Step> steps, List<Storage> storages, Set<Integer> donated) {
    var inputs =
        storages.stream()
            .filter(s -> s.kind == Storage.Kind.INPUT && donated.contains(s.index))
            .toList();
    var pairs = new ArrayList<Pair>();
    var finder = new InPlace(steps, inputs);
    for (var storage : storages) {
      if (storage.kind == Storage.Kind.OUTPUT) finder.find(storage, pairs);
    }
    return pairs;
  }

  private void find(Storage output, List<Pair> pairs) {
    for (int i = 0; i < steps.size(); i++) {
      var step = steps.get(i);
      if (!step.storages().contains(output)) continue;
      for (var input : inputs) {
        if (input.bytes != output.bytes
            || taken.contains(input.index)
            || !step.storages().contains(input)
            || isUsedAfter(i, input)) {
          continue;
        }
        var how = step.inPlace(input, output);
        if (how == Step.InPlace.NO) continue;
        boolean copied = how == Step.InPlace.IS_COPY;
        if (copied) steps.remove(i);
        taken.add(input.index);
        pairs.add(new Pair(output.index, input.index, copied));
        return;
      }
      return; // What comes later reads what this step has written.
    }
  }

  private boolean isUsedAfter(int step, Storage storage) {
    return steps.subList(step + 1, steps.size()).stream()
        .anyMatch(later -> later.storages().contains(storage));
  }
}
