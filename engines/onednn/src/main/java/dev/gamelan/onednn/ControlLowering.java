package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import java.util.ArrayList;
import java.util.List;

/** Scans, loops and branches: their graphs become programs inside of a step. */
final class ControlLowering {
  private final Lowering lowering;
  private final Kernels kernels;

  ControlLowering(Lowering lowering, Kernels kernels) {
    this.lowering = lowering;
    this.kernels = kernels;
  }

  /** Whether the node is of this kind; slices of packed dtypes do not begin at bytes. */
  boolean lower(Node node) {
    switch (node.op()) {
      case Primitive.Scan op when slicesAreBytes(node) -> scan(node, op);
      case Primitive.While op -> loop(node, op);
      case Primitive.Cond op -> branch(node, op);
      default -> {
        return false;
      }
    }
    return true;
  }

  private static boolean slicesAreBytes(Node node) {
    var values = new ArrayList<>(node.inputs());
    values.addAll(node.results());
    return values.stream().allMatch(value -> value.type().dtype().bits() >= 8);
  }

  private void scan(Node node, Primitive.Scan op) {
    var operands = new ArrayList<ControlStep.Place>();
    for (int i = 0; i < node.inputs().size(); i++) {
      boolean sliced = i >= op.carries() && i < op.carries() + op.sequences();
      var input = node.inputs().get(i);
      operands.add(place(input, lowering.dense(input), sliced ? op.length() : 1));
    }
    var results = new ArrayList<ControlStep.Place>();
    for (int i = 0; i < node.results().size(); i++) {
      var result = node.results().get(i);
      results.add(place(result, lowering.place(result), i >= op.carries() ? op.length() : 1));
    }
    var stacked = ScanStep.stacked(op);
    lowering.step(
        new ScanStep(
            op,
            lowering.nested(
                written(op.body(), stacked),
                ControlStep.storages(operands),
                op.carries() + op.sequences()),
            operands,
            results,
            spares(node, op.carries()),
            stacked,
            lowering.reserveControl(),
            kernels.threads()));
  }

  /** The body with those outputs alone that it must write. */
  private static Graph written(Graph body, int[] stacked) {
    var g = new GraphBuilder();
    var replacement = new GraphBuilder.Replacement();
    for (var input : body.inputs()) replacement.put(input, g.input(input.type()));
    for (var node : body.nodes()) {
      var operands = replacement.get(node.inputs());
      replacement.put(node, g.addNode(node.op(), operands, node).results());
    }
    var outputs = new ArrayList<Value>();
    for (int i = 0; i < body.outputs().size(); i++) {
      boolean isSlice = i < stacked.length && stacked[i] != ScanStep.NONE;
      if (!isSlice) outputs.add(body.outputs().get(i));
    }
    return g.build(replacement.get(outputs));
  }

  private static ControlStep.Place place(Value value, Storage storage, long slices) {
    return new ControlStep.Place(storage, slices == 0 ? 0 : value.type().bytes() / slices);
  }

  private void loop(Node node, Primitive.While op) {
    var operands =
        node.inputs().stream().map(input -> place(input, lowering.dense(input), 1)).toList();
    lowering.step(
        new WhileStep(
            op,
            lowering.nested(op.condition(), ControlStep.storages(operands), op.carries()),
            lowering.nested(op.body(), ControlStep.storages(operands), op.carries()),
            operands,
            node.results().stream()
                .map(result -> place(result, lowering.place(result), 1))
                .toList(),
            spares(node, op.carries()),
            lowering.temporary(1),
            lowering.reserveControl(),
            kernels.threads()));
  }

  private void branch(Node node, Primitive.Cond op) {
    var inputs = node.inputs().subList(1, node.inputs().size());
    var operands = inputs.stream().map(lowering::dense).toList();
    lowering.step(
        new CondStep(
            lowering.nested(op.onTrue(), operands, 0),
            lowering.nested(op.onFalse(), operands, 0),
            lowering.dense(node.inputs().getFirst()),
            operands,
            node.results().stream().map(lowering::place).toList(),
            lowering.reserveControl(),
            kernels.threads()));
  }

  /** A second place for each carry. */
  private List<Storage> spares(Node node, int carries) {
    return node.results().subList(0, carries).stream()
        .map(result -> lowering.temporary(result.type().bytes()))
        .toList();
  }
}
