package dev.gamelan.onednn;

import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What a graph was lowered to: steps in order, and the storages between them.
 *
 * @param external the storages of inputs and outputs, which each run brings
 * @param outputs for each output its storage
 * @param inPlace the outputs that are written over inputs
 * @param arguments how many longs the kernels' arguments take in a run
 * @param smallBytes what a run takes for the copies of small buffers
 * @param controls how many steps hold programs of their own
 */
record Program(
    List<Step> steps,
    List<Storage> storages,
    List<Storage> external,
    List<TensorType> inputTypes,
    List<TensorType> outputTypes,
    List<Storage> outputs,
    List<Constant> constants,
    List<InPlace.Pair> inPlace,
    long arenaBytes,
    long arguments,
    long smallBytes,
    int controls) {

  /** Bytes that lie there before the program runs. */
  record Constant(Storage storage, MemorySegment bytes) {}

  Program {
    steps = List.copyOf(steps);
    storages = List.copyOf(storages);
    external = List.copyOf(external);
    inputTypes = List.copyOf(inputTypes);
    outputTypes = List.copyOf(outputTypes);
    outputs = List.copyOf(outputs);
    constants = List.copyOf(constants);
    inPlace = List.copyOf(inPlace);
  }

  /** All that a run takes, but for its arguments. */
  long workspaceBytes() {
    return arenaBytes + steps.stream().mapToLong(Step::workspaceBytes).sum();
  }
}
