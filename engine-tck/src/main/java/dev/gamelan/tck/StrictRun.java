package dev.gamelan.tck;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.StandardComposite;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.MemoryPlan;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One run of a graph, or of a body: every operand is read from, and every result written to, its
 * place in memory. The carries of a loop are donated to its body.
 */
final class StrictRun {
  private static final byte POISON = (byte) 0xDD;

  private final StrictEngine engine;
  private final Graph graph;
  private final MemoryPlan plan;
  private final Set<Integer> donated;
  private final List<MemorySegment> inputs;
  private final List<MemorySegment> outputs;
  private final MemorySegment arena;

  StrictRun(
      StrictEngine engine,
      Graph graph,
      MemoryPlan plan,
      Set<Integer> donated,
      List<MemorySegment> inputs,
      List<MemorySegment> outputs) {
    this.engine = engine;
    this.graph = graph;
    this.plan = plan;
    this.donated = donated;
    this.inputs = inputs;
    this.outputs = outputs;
    this.arena =
        Arena.ofAuto().allocate(Math.max(plan.arenaBytes(), 1), MemoryPlan.ALIGNMENT).fill(POISON);
  }

  /**
   * A donated input's memory for the output that the plan puts there, new memory for the others.
   */
  static List<MemorySegment> resultMemory(
      Graph graph, MemoryPlan plan, Set<Integer> donated, List<MemorySegment> inputs) {
    var memory = new ArrayList<MemorySegment>();
    for (int i = 0; i < graph.outputs().size(); i++) {
      var value = graph.outputs().get(i);
      var from = plan.donatedTo(i);
      boolean own = plan.place(value).equals(new MemoryPlan.Place.Output(i));
      memory.add(
          own && from.isPresent() && donated.contains(from.getAsInt())
              ? inputs.get(from.getAsInt())
              : StrictBuffer.memory(value.type()));
    }
    return memory;
  }

  void execute() {
    for (var node : graph.nodes()) execute(node);
    for (int i = 0; i < outputs.size(); i++) {
      var value = graph.outputs().get(i);
      var from = memory(value);
      if (!from.equals(outputs.get(i))) {
        MemorySegment.copy(from, 0, outputs.get(i), 0, value.type().bytes());
      }
    }
    // A donated buffer that became no output is overwritten all the same.
    for (int input : donated) {
      if (!outputs.contains(inputs.get(input))) inputs.get(input).fill(POISON);
    }
  }

  private void execute(Node node) {
    engine.counter(node.op().name()).increment();
    var operands = node.inputs().stream().map(v -> array(v.type(), memory(v))).toList();
    var types = node.results().stream().map(Value::type).toList();
    var results = results(node.op(), operands, types);
    for (int i = 0; i < results.size(); i++) results.get(i).write(memory(node.results().get(i)));
  }

  private List<Array> results(Op op, List<Array> operands, List<TensorType> types) {
    return switch (op) {
      case StandardComposite composite -> StrictKernels.apply(composite, operands);
      case Primitive.Scan scan -> scan(scan, operands, types);
      case Primitive.While loop -> loop(loop, operands);
      case Primitive.Cond cond -> {
        boolean holds = operands.getFirst().integers()[0] != 0;
        var branch = holds ? cond.onTrue() : cond.onFalse();
        yield body(branch, 0, operands.subList(1, operands.size()));
      }
      default -> ReferenceKernels.apply(op, operands, types); // The rest needs no plan of its own.
    };
  }

  private List<Array> scan(Primitive.Scan scan, List<Array> operands, List<TensorType> types) {
    int carries = scan.carries();
    int free = carries + scan.sequences();
    int length = (int) scan.length();
    var state = operands.subList(0, carries);
    var rows = new Array[types.size() - carries][length];
    for (int step = 0; step < length; step++) {
      int slice = scan.reverse() ? length - 1 - step : step;
      var arguments = new ArrayList<>(state);
      for (var sequence : operands.subList(carries, free)) arguments.add(row(sequence, slice));
      arguments.addAll(operands.subList(free, operands.size()));
      var next = body(scan.body(), carries, arguments);
      state = next.subList(0, carries);
      for (int i = 0; i < rows.length; i++) rows[i][slice] = next.get(carries + i);
    }
    var results = new ArrayList<>(state);
    for (int i = 0; i < rows.length; i++) results.add(stack(rows[i], types.get(carries + i)));
    return results;
  }

  private List<Array> loop(Primitive.While loop, List<Array> operands) {
    var arguments = new ArrayList<>(operands);
    while (body(loop.condition(), 0, arguments).getFirst().integers()[0] != 0) {
      var next = body(loop.body(), loop.carries(), arguments);
      for (int i = 0; i < next.size(); i++) arguments.set(i, next.get(i));
    }
    return List.copyOf(arguments.subList(0, loop.carries()));
  }

  private List<Array> body(Graph body, int carries, List<Array> arguments) {
    var carried = IntStream.range(0, carries).boxed().collect(Collectors.toSet());
    var bodyPlan = MemoryPlan.of(body, carried);
    var memory = new ArrayList<MemorySegment>();
    for (var argument : arguments) {
      var segment = StrictBuffer.memory(argument.type());
      argument.write(segment);
      memory.add(segment);
    }
    var results = resultMemory(body, bodyPlan, carried, memory);
    new StrictRun(engine, body, bodyPlan, carried, memory, results).execute();
    var arrays = new ArrayList<Array>();
    for (int i = 0; i < results.size(); i++) {
      arrays.add(array(body.outputs().get(i).type(), results.get(i)));
    }
    return arrays;
  }

  private static Array row(Array sequence, int slice) {
    var index = Array.zeros(TensorType.of(DType.I32));
    index.integers()[0] = slice;
    var type = sequence.type().with(sequence.type().shape().without(List.of(0)));
    return ReferenceKernels.apply(new Primitive.Gather(0), List.of(sequence, index), List.of(type))
        .getFirst();
  }

  private static Array stack(Array[] rows, TensorType type) {
    if (rows.length == 0) return Array.zeros(type);
    Shape shape = rows[0].type().shape().insert(0, 1);
    var parts = new ArrayList<Array>();
    for (var row : rows) {
      parts.add(
          ReferenceKernels.apply(
                  new Primitive.Reshape(shape), List.of(row), List.of(row.type().with(shape)))
              .getFirst());
    }
    return ReferenceKernels.apply(new Primitive.Concatenate(0), parts, List.of(type)).getFirst();
  }

  private static Array array(TensorType type, MemorySegment memory) {
    var array = Array.zeros(type);
    array.read(memory);
    return array;
  }

  private MemorySegment memory(Value value) {
    return switch (plan.place(value)) {
      case MemoryPlan.Place.Input input -> inputs.get(input.index());
      case MemoryPlan.Place.Output output -> outputs.get(output.index());
      case MemoryPlan.Place.Arena place -> arena.asSlice(place.offset(), place.bytes());
    };
  }
}
