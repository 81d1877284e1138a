package dev.gamelan.engine;

import java.util.Map;
import java.util.Set;

/**
 * How to compile a graph.
 *
 * @param donated inputs whose memory the engine may reuse and whose buffers a run closes
 * @param frozen inputs that every run passes the same buffer for, which the engine may prepack
 */
public record CompileOptions(Set<Integer> donated, Map<Integer, Buffer> frozen) {
  public static final CompileOptions DEFAULT = new CompileOptions(Set.of(), Map.of());

  public CompileOptions {
    donated = Set.copyOf(donated);
    frozen = Map.copyOf(frozen);
  }

  public static CompileOptions donating(Set<Integer> inputs) {
    return new CompileOptions(inputs, Map.of());
  }
}
