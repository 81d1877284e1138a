package dev.gamelan.onednn;

import dev.gamelan.onednn.dnnl.DnnlPrimitive;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/** A contraction by oneDNN, divided among the threads. */
final class DnnlStep implements Step {
  /** An argument: where it lies, and how many bytes in a part begins. */
  record Argument(Storage storage, long offset) {}

  /** What one thread does. */
  record Part(DnnlPrimitive primitive, List<Argument> arguments, Optional<Packing> packing) {
    Part(DnnlPrimitive primitive, List<Argument> arguments) {
      this(primitive, List.copyOf(arguments), primitive.weights().map(Packing.OfPrimitive::new));
    }
  }

  /** The place of the weights among the arguments. */
  private static final int WEIGHTS = 1;

  private final List<Part> parts;
  private final Object what;

  DnnlStep(List<Part> parts, Object what) {
    this.parts = List.copyOf(parts);
    this.what = what;
  }

  @Override
  public int parts() {
    return parts.size();
  }

  @Override
  public void run(Run run, int index) {
    var part = parts.get(index);
    var addresses = new long[part.arguments.size()];
    for (int i = 0; i < addresses.length; i++) {
      var argument = part.arguments.get(i);
      addresses[i] = run.address(argument.storage) + argument.offset;
    }
    if (part.packing.isPresent()) {
      var weights = part.arguments.get(WEIGHTS);
      addresses[WEIGHTS] = run.packed(weights.storage, weights.offset, part.packing.get());
    }
    part.primitive.execute(addresses);
  }

  @Override
  public List<Storage> storages() {
    var result = new LinkedHashSet<Storage>();
    for (var part : parts) for (var argument : part.arguments) result.add(argument.storage);
    return List.copyOf(result);
  }

  @Override
  public String explain() {
    var primitive = parts.getFirst().primitive;
    return "oneDNN     %s, %s, %s%d reorders, %d thread%s"
        .formatted(
            what,
            primitive.implementation(),
            primitive.weights().isPresent() ? "packed weights, " : "",
            primitive.reorders(),
            parts.size(),
            parts.size() == 1 ? "" : "s");
  }
}
