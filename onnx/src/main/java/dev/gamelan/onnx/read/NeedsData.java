package dev.gamelan.onnx.read;

import java.util.Set;

/**
 * Thrown inside the import where a shape depends on numbers that are not known yet.
 *
 * @see Importer
 */
final class NeedsData extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final transient Set<String> inputs;

  /**
   * @param inputs those of the graph that would have to be known, or none where that would not do
   */
  NeedsData(String message, Set<String> inputs) {
    super(message);
    this.inputs = inputs;
  }

  Set<String> inputs() {
    return inputs;
  }
}
