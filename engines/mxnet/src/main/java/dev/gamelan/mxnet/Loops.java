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

  private static List<Array> copies(List<Array> arrays) {
    return arrays.stream().map(Array::copy).toList();
  }

  private static List<Array> join(List<Array> first, List<Array> second) {
    var all = new ArrayList<>(first);
    all.addAll(second);
    return all;
  }

  private static boolean isTrue(Program condition, List<Array> inputs) {
    var result = condition.run(inputs).getFirst();
    boolean value = result.read().get(JAVA_BYTE, 0) != 0;
    result.free();
    return value;
  }

  private record Scan(Primitive.Scan op, Program body, List<Value> results) implements Step {
    @Override
    public List<Array> run(List<Array> inputs) {
      int carries = op.carries();
      int first = carries + op.sequences();
      var state = copies(inputs.subList(0, carries));
      var sequences = inputs.subList(carries, first);
      var free = inputs.subList(first, inputs.size());
      var stacked =
          results.subList(carries, results.size()).stream()
              .map(value -> Array.allocate(value.type()))
              .toList();
      for (long i = 0; i < op.length(); i++) {
        long at = op.reverse() ? op.length() - 1 - i : i;
        var slices = slices(sequences, at);
        var arguments = join(join(state, slices), free);
        var outputs = body.run(arguments);
        state.forEach(Array::free);
        slices.forEach(Array::free);
        state = outputs.subList(0, carries);
        for (int k = 0; k < stacked.size(); k++) {
          var output = outputs.get(carries + k);
          place(stacked.get(k), at).copyFrom(output.read());
          output.free();
        }
      }
      return join(state, stacked);
    }

    private List<Array> slices(List<Array> sequences, long at) {
      var slices = new ArrayList<Array>();
      for (int k = 0; k < sequences.size(); k++) {
        var slice = Array.allocate(op.body().inputs().get(op.carries() + k).type());
        slice.write().copyFrom(place(sequences.get(k), at));
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
      var state = copies(inputs.subList(0, carries));
      var free = inputs.subList(carries, inputs.size());
      while (isTrue(condition, join(state, free))) {
        var next = body.run(join(state, free));
        state.forEach(Array::free);
        state = next;
      }
      return state;
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
