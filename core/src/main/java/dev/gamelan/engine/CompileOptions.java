package dev.gamelan.engine;

import dev.gamelan.type.DType;
import java.util.Map;
import java.util.Set;

/**
 * How to compile a graph.
 *
 * @param donated inputs whose memory the engine may reuse and whose buffers a run closes
 * @param frozen inputs that every run passes the same buffer for, which the engine may prepack
 * @param lasting inputs that most runs pass the same buffer for, such as the parameters of a model
 *     that is not trained: what an engine computes from such a buffer alone it may keep as long as
 *     the buffer is
 * @param precision the dtype in which contractions of f32 read their operands: f32 or bf16
 */
public record CompileOptions(
    Set<Integer> donated, Map<Integer, Buffer> frozen, Set<Integer> lasting, DType precision) {
  public static final CompileOptions DEFAULT =
      new CompileOptions(Set.of(), Map.of(), Set.of(), DType.F32);

  public CompileOptions {
    donated = Set.copyOf(donated);
    frozen = Map.copyOf(frozen);
    lasting = Set.copyOf(lasting);
  }

  public CompileOptions withDonated(Set<Integer> inputs) {
    return new CompileOptions(inputs, frozen, lasting, precision);
  }

  public CompileOptions withLasting(Set<Integer> inputs) {
    return new CompileOptions(donated, frozen, inputs, precision);
  }

  public CompileOptions withPrecision(DType other) {
    return new CompileOptions(donated, frozen, lasting, other);
  }

  public static CompileOptions donating(Set<Integer> inputs) {
    return DEFAULT.withDonated(inputs);
  }
}
