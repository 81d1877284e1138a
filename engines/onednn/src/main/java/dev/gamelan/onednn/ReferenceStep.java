package dev.gamelan.onednn;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Value;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.stream.Collectors;

/** A node as the reference engine computes it: right for every dtype, and slow. */
final class ReferenceStep implements Step {
  private final Node node;
  private final List<Placed> operands;
  private final List<Storage> results;

  ReferenceStep(Node node, List<Placed> operands, List<Storage> results) {
    this.node = node;
    this.operands = List.copyOf(operands);
    this.results = List.copyOf(results);
  }

  @Override
  public int parts() {
    return 1;
  }

  @Override
  public void run(Run run, int part) {
    var arrays = new ArrayList<Array>();
    for (var operand : operands) arrays.add(read(run, operand));
    var types = node.results().stream().map(Value::type).toList();
    var computed = ReferenceKernels.apply(node.op(), arrays, types);
    for (int i = 0; i < computed.size(); i++) computed.get(i).write(run.memory(results.get(i)));
  }

  private static Array read(Run run, Placed operand) {
    var type = operand.view().base().type().with(operand.view().shape());
    var array = Array.zeros(type);
    if (type.dtype().bits() < 8 || operand.view().isWhole()) {
      array.read(run.memory(operand.storage()));
    } else {
      var elements = MemorySegment.ofArray(new byte[Math.toIntExact(type.bytes())]);
      StridedCopy.copy(operand.view(), run.memory(operand.storage()), elements);
      array.read(elements);
    }
    return array;
  }

  @Override
  public List<Storage> storages() {
    var all = new LinkedHashSet<>(results);
    for (var operand : operands) all.add(operand.storage());
    return List.copyOf(all);
  }

  @Override
  public String explain() {
    return "reference  %s %s"
        .formatted(
            node.op().name(),
            node.results().stream()
                .map(result -> result.type().toString())
                .collect(Collectors.joining(", ")));
  }
}
