package dev.gamelan.onednn;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What is written over what: an output over a donated input, or one piece of the arena over
 * another, that no step reads after the one that writes, which reads each element before it writes
 * it.
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

  /**
   * Lets a step's result take the place in the arena of what it reads as the last one: of several
   * the latest, which lies in the cache, for each thread the part that it has written.
   */
  static void inArena(List<Step> steps) {
    for (int i = 0; i < steps.size(); i++) {
      var step = steps.get(i);
      var free = new ArrayList<Storage>();
      for (var storage : step.storages()) if (storage.diesAt(i)) free.add(storage);
      free.sort(Comparator.comparingInt((Storage storage) -> storage.birth).reversed());
      for (var result : step.storages()) {
        if (!result.isBornAt(i)) continue;
        for (var storage : free) {
          if (storage.bytes == result.bytes && step.inPlace(storage, result) != Step.InPlace.NO) {
            result.takePlaceOf(storage);
            free.remove(storage);
            break;
          }
        }
      }
    }
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
