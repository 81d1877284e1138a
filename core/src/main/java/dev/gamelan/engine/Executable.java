package dev.gamelan.engine;

import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * A compiled graph. Re-entrant: several threads may run it at once. One that is not closed is freed
 * when it is unreachable.
 */
public interface Executable extends AutoCloseable {
  /**
   * One buffer for each output, new ones; may return before the device is done. Donated inputs are
   * closed by this call, also when it fails; before it overwrites one, the engine waits for the
   * earlier runs that read it.
   *
   * @throws EngineException before anything was written if an input does not match
   */
  List<Buffer> run(List<Buffer> inputs);

  /**
   * What engines do first in {@link #run}: nothing is allocated where all is well.
   *
   * @throws EngineException if {@code inputs} are not of {@code types}
   */
  static void checkTypes(List<Buffer> inputs, List<TensorType> types) {
    boolean same = inputs.size() == types.size();
    for (int i = 0; same && i < types.size(); i++) {
      same = types.get(i).equals(inputs.get(i).type());
    }
    if (same) return;
    throw new EngineException(
        "the executable takes %s; got %s"
            .formatted(types, inputs.stream().map(Buffer::type).toList()));
  }

  /** What a run needs beside inputs and outputs. */
  long workspaceBytes();

  /** What it does, for people: a line for each kernel or call, where the engine has such. */
  default String explain() {
    return "";
  }

  @Override
  void close();
}
