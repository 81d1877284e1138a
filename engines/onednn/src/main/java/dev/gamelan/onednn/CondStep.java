package dev.gamelan.onednn;

import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.Stream;

/** One of two programs, which writes the results. */
final class CondStep extends ControlStep {
  private final Runs onTrue;
  private final Runs onFalse;
  private final Storage predicate;
  private final List<Storage> operands;
  private final List<Storage> results;

  CondStep(
      Runs onTrue,
      Runs onFalse,
      Storage predicate,
      List<Storage> operands,
      List<Storage> results,
      int slot,
      int threads) {
    super(
        List.of(onTrue, onFalse),
        Stream.of(Stream.of(predicate), operands.stream(), results.stream())
            .flatMap(all -> all)
            .toList(),
        slot,
        threads,
        "cond");
    this.onTrue = onTrue;
    this.onFalse = onFalse;
    this.predicate = predicate;
    this.operands = List.copyOf(operands);
    this.results = List.copyOf(results);
  }

  @Override
  void drive(Run run) {
    boolean chosen = run.memory(predicate).get(ValueLayout.JAVA_BYTE, 0) != 0;
    var branch = chosen ? onTrue : onFalse;
    var inside = branch.take();
    try {
      inside.begin(run, operands);
      inside.bind(addresses(run, operands), addresses(run, results));
      walk(run, branch, inside);
    } finally {
      branch.give(inside);
    }
  }

  private static long[] addresses(Run run, List<Storage> storages) {
    return storages.stream().mapToLong(run::address).toArray();
  }
}
