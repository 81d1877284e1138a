package dev.gamelan.mxnet;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Control flow, driven from here; MXNet computes the bodies. */
final class Loops {
  private Loops() {}

  static Step of(Primitive op, List<Value> results) {
    return switch (op) {
      case Primitive.Scan scan -> new Scan(scan, new Program(scan.body()), results);
      case Primitive.While loop ->
          new While(new Program(loop.condition()), new Program(loop.body()), loop.carries());
      case Primitive.Cond cond -> new Cond(new Program(cond.onTrue()), new Program(cond.onFalse()));
      default -> throw new IllegalStateException(op.name() + " has no body");
    };
  }

  static boolean isLoop(Primitive op) {
    return op instanceof Primitive.Scan
        || op instanceof Primitive.While
        || op instanceof Primitive.Cond;
  }

  private static List<Array> copies(Owned owned, List<Array> arrays) {
    return arrays.stream().map(array -> owned.add(array.copy())).toList();
  }

  private static List<Array> join(List<Array> first, List<Array> second) {
    var all = new ArrayList<>(first);
    all.addAll(second);
    return all;
  }

  private static boolean isTrue(Program condition, List<Array> inputs) {
    try (var owned = new Owned()) {
      var result = owned.add(condition.run(inputs)).getFirst();
      return result.read().get(JAVA_BYTE, 0) != 0;
    }
  }

  private record Scan(Primitive.Scan op, Program body, List<Value> results) implements Step {
    @Override
    public List<Array> run(List<Array> inputs) {
      int carries = op.carries();
      int first = carries + op.sequences();
      var sequences = inputs.subList(carries, first);
      var free = inputs.subList(first, inputs.size());
      try (var owned = new Owned()) {
        var state = copies(owned, inputs.subList(0, carries));
        var stacked = new ArrayList<Array>();
        for (var value : results.subList(carries, results.size())) {
          stacked.add(owned.add(Array.allocate(value.type())));
        }
        for (long i = 0; i < op.length(); i++) {
          long at = op.reverse() ? op.length() - 1 - i : i;
          var slices = slices(owned, sequences, at);
          var outputs = owned.add(body.run(join(join(state, slices), free)));
          owned.free(state);
          owned.free(slices);
          state = outputs.subList(0, carries);
          for (int k = 0; k < stacked.size(); k++) {
            var output = outputs.get(carries + k);
            place(stacked.get(k), at).copyFrom(output.read());
            owned.free(output);
          }
        }
        return owned.give(join(state, stacked));
      }
    }

    private List<Array> slices(Owned owned, List<Array> sequences, long at) {
      var slices = new ArrayList<Array>();
      for (int k = 0; k < sequences.size(); k++) {
        var type = op.body().inputs().get(op.carries() + k).type();
        var slice = owned.add(Array.allocate(type));
        slice.read().copyFrom(place(sequences.get(k), at));
        slices.add(slice);
      }
      return slices;
    }

    private MemorySegment place(Array sequence, long at) {
      long bytes = sequence.type().bytes() / op.length();
      return sequence.read().asSlice(at * bytes, bytes);
    }

    @Override
    public void free() {
      body.free();
    }
  }

  private record While(Program condition, Program body, int carries) implements Step {
    @Override
    public List<Array> run(List<Array> inputs) {
      var free = inputs.subList(carries, inputs.size());
      try (var owned = new Owned()) {
        var state = copies(owned, inputs.subList(0, carries));
        while (isTrue(condition, join(state, free))) {
          var next = owned.add(body.run(join(state, free)));
          owned.free(state);
          state = next;
        }
        return owned.give(state);
      }
    }

    @Override
    public void free() {
      condition.free();
      body.free();
    }
  }

  private record Cond(Program onTrue, Program onFalse) implements Step {
    @Override
    public List<Array> run(List<Array> inputs) {
      boolean chosen = inputs.getFirst().read().get(JAVA_BYTE, 0) != 0;
      return (chosen ? onTrue : onFalse).run(inputs.subList(1, inputs.size()));
    }

    @Override
    public void free() {
      onTrue.free();
      onFalse.free();
    }
  }
}
