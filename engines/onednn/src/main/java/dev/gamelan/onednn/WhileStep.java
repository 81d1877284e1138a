package dev.gamelan.onednn;

import dev.gamelan.ir.Primitive;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.Stream;

/** A loop whose carries alternate between two places, and are copied to the results at its end. */
final class WhileStep extends ControlStep {
  private final Primitive.While op;
  private final Runs condition;
  private final Runs body;
  private final List<Place> operands;
  private final List<Place> results;
  private final List<Storage> spares;
  private final Storage decision;

  /**
   * @param operands carries, free values
   * @param spares of the carries' sizes
   * @param decision a byte for what the condition gives
   */
  WhileStep(
      Primitive.While op,
      Runs condition,
      Runs body,
      List<Place> operands,
      List<Place> results,
      List<Storage> spares,
      Storage decision,
      int slot,
      int threads) {
    super(
        List.of(condition, body),
        Stream.of(
                operands.stream().map(Place::storage),
                results.stream().map(Place::storage),
                spares.stream(),
                Stream.of(decision))
            .flatMap(all -> all)
            .toList(),
        slot,
        threads,
        "while");
    this.op = op;
    this.condition = condition;
    this.body = body;
    this.operands = List.copyOf(operands);
    this.results = List.copyOf(results);
    this.spares = List.copyOf(spares);
    this.decision = decision;
  }

  @Override
  void drive(Run run) {
    var inputs = new long[operands.size()];
    for (int i = 0; i < inputs.length; i++) inputs[i] = run.address(operands.get(i).storage());
    var outputs = new long[op.carries()];
    var test = condition.take();
    var inside = body.take();
    boolean inResults = false;
    long iterations = 0;
    try {
      test.begin(run, storages(operands));
      inside.begin(run, storages(operands));
      while (holds(run, test, inputs)) {
        inResults = !inResults;
        for (int c = 0; c < outputs.length; c++) {
          outputs[c] = run.address(inResults ? results.get(c).storage() : spares.get(c));
        }
        inside.bind(inputs, outputs);
        walk(run, body, inside);
        System.arraycopy(outputs, 0, inputs, 0, outputs.length);
        iterations++;
      }
    } finally {
      condition.give(test);
      body.give(inside);
    }
    if (inResults) return;
    for (int c = 0; c < outputs.length; c++) {
      var from = iterations == 0 ? operands.get(c).storage() : spares.get(c);
      run.memory(results.get(c).storage()).copyFrom(run.memory(from));
    }
  }

  private boolean holds(Run run, Run test, long[] inputs) {
    test.bind(inputs, new long[] {run.address(decision)});
    walk(run, condition, test);
    return run.memory(decision).get(ValueLayout.JAVA_BYTE, 0) != 0;
  }
}
