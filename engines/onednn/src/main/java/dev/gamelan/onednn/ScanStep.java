package dev.gamelan.onednn;

import dev.gamelan.ir.Primitive;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A scan: each iteration reads the carries where the one before wrote them, a slice of each
 * sequence, and writes its slices to their place. Carries alternate between two places, so that the
 * last iteration writes the results; a carry that is stacked, too, is read where its slice lies.
 */
final class ScanStep extends ControlStep {
  static final int NONE = -1;

  private final Primitive.Scan op;
  private final Runs body;
  private final List<Place> operands;
  private final List<Place> results;
  private final List<Storage> spares;

  /** For each carry the result of whose slices it is the latest, or {@link #NONE}. */
  private final int[] stacked;

  /**
   * @param body whose outputs are all but the carries that are stacked
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
      int[] stacked,
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
    this.stacked = stacked.clone();
  }

  /** See {@link #stacked}. */
  static int[] stacked(Primitive.Scan op) {
    var outputs = op.body().outputs();
    var stacked = new int[op.carries()];
    for (int c = 0; c < stacked.length; c++) {
      int slice = outputs.subList(op.carries(), outputs.size()).indexOf(outputs.get(c));
      stacked[c] = slice < 0 ? NONE : op.carries() + slice;
    }
    return stacked;
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
    var written =
        new long[outputs.length - (int) Arrays.stream(stacked).filter(s -> s != NONE).count()];
    var inside = body.take();
    try {
      inside.begin(run, storages(operands));
      for (long i = 0; i < op.length(); i++) {
        boolean toResult = (op.length() - 1 - i) % 2 == 0;
        int count = 0;
        for (int c = 0; c < op.carries(); c++) {
          if (stacked[c] != NONE) {
            outputs[c] = outputs[stacked[c]];
          } else {
            outputs[c] = run.address(toResult ? results.get(c).storage() : spares.get(c));
            written[count++] = outputs[c];
          }
        }
        System.arraycopy(outputs, op.carries(), written, count, outputs.length - op.carries());
        inside.bind(inputs, written);
        walk(run, body, inside);
        System.arraycopy(outputs, 0, inputs, 0, op.carries());
        moveSlices(inputs, outputs, op.reverse() ? -1 : 1);
      }
    } finally {
      body.give(inside);
    }
    for (int c = 0; c < op.carries(); c++) {
      if (stacked[c] == NONE) continue;
      long latest = op.reverse() ? 0 : op.length() - 1;
      long bytes = results.get(c).bytes();
      var slices = run.memory(results.get(stacked[c]).storage());
      run.memory(results.get(c).storage()).copyFrom(slices.asSlice(latest * bytes, bytes));
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
