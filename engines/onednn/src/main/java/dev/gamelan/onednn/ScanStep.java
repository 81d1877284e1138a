package dev.gamelan.onednn;

import dev.gamelan.ir.Primitive;
import java.util.List;
import java.util.stream.Stream;

/**
 * A scan: each iteration reads the carries where the one before wrote them, a slice of each
 * sequence, and writes its slices to their place. Carries alternate between two places, so that the
 * last iteration writes the results.
 */
final class ScanStep extends ControlStep {
  private final Primitive.Scan op;
  private final Runs body;
  private final List<Place> operands;
  private final List<Place> results;
  private final List<Storage> spares;

  /**
   * @param operands carries, slices of sequences, free values
   * @param results carries, slices of what is stacked
   * @param spares of the carries' sizes
   */
  ScanStep(
      Primitive.Scan op,
      Runs body,
      List<Place> operands,
      List<Place> results,
      List<Storage> spares,
      int slot,
      int threads) {
    super(
        List.of(body),
        Stream.concat(
                Stream.concat(operands.stream(), results.stream()).map(Place::storage),
                spares.stream())
            .toList(),
        slot,
        threads,
        "scan of %d iterations".formatted(op.length()));
    this.op = op;
    this.body = body;
    this.operands = List.copyOf(operands);
    this.results = List.copyOf(results);
    this.spares = List.copyOf(spares);
  }

  @Override
  void drive(Run run) {
    if (op.length() == 0) {
      for (int i = 0; i < op.carries(); i++) {
        run.memory(results.get(i).storage()).copyFrom(run.memory(operands.get(i).storage()));
      }
      return;
    }
    var inputs = new long[operands.size()];
    var outputs = new long[results.size()];
    for (int i = 0; i < inputs.length; i++) inputs[i] = run.address(operands.get(i).storage());
    for (int i = op.carries(); i < outputs.length; i++) {
      outputs[i] = run.address(results.get(i).storage());
    }
    if (op.reverse()) moveSlices(inputs, outputs, op.length() - 1);
    var inside = body.take();
    try {
      inside.begin(run, storages(operands));
      for (long i = 0; i < op.length(); i++) {
        boolean toResult = (op.length() - 1 - i) % 2 == 0;
        for (int c = 0; c < op.carries(); c++) {
          outputs[c] = run.address(toResult ? results.get(c).storage() : spares.get(c));
        }
        inside.bind(inputs, outputs);
        walk(run, body, inside);
        System.arraycopy(outputs, 0, inputs, 0, op.carries());
        moveSlices(inputs, outputs, op.reverse() ? -1 : 1);
      }
    } finally {
      body.give(inside);
    }
  }

  private void moveSlices(long[] inputs, long[] outputs, long count) {
    for (int i = op.carries(); i < op.carries() + op.sequences(); i++) {
      inputs[i] += count * operands.get(i).bytes();
    }
    for (int i = op.carries(); i < outputs.length; i++) {
      outputs[i] += count * results.get(i).bytes();
    }
  }
}
