package dev.gamelan.benchmarks;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.nio.ByteBuffer;
import java.util.Random;

/** An input that is the same in every process, and changes in one element from call to call. */
final class Input {
  private final TensorType type;
  private final float[] floats;
  private final int[] tokens;
  private final int vocabulary;
  private int calls;

  private Input(TensorType type, float[] floats, int[] tokens, int vocabulary) {
    this.type = type;
    this.floats = floats;
    this.tokens = tokens;
    this.vocabulary = vocabulary;
  }

  /** Normal numbers. */
  static Input floats(long... dims) {
    var type = TensorType.of(DType.F32, dims);
    return new Input(type, normal(Math.toIntExact(type.size()), 1), new int[0], 0);
  }

  /** Numbers below {@code vocabulary}. */
  static Input tokens(int vocabulary, long... dims) {
    var type = TensorType.of(DType.I32, dims);
    var tokens = new Random(1).ints(type.size(), 0, vocabulary).toArray();
    return new Input(type, new float[0], tokens, vocabulary);
  }

  static float[] normal(int count, long seed) {
    var random = new Random(seed);
    var values = new float[count];
    for (int i = 0; i < count; i++) values[i] = (float) random.nextGaussian();
    return values;
  }

  TensorType type() {
    return type;
  }

  Tensor tensor() {
    change();
    var dims = type.shape().dims();
    return type.dtype() == DType.I32 ? Tensor.of(tokens, dims) : Tensor.of(floats, dims);
  }

  void write(ByteBuffer to) {
    change();
    if (type.dtype() == DType.I32) {
      to.asIntBuffer().put(0, tokens);
    } else {
      to.asFloatBuffer().put(0, floats);
    }
  }

  private void change() {
    if (calls++ == 0) return;
    if (type.dtype() == DType.I32) {
      int at = calls % tokens.length;
      tokens[at] = (tokens[at] + 1) % vocabulary;
    } else {
      int at = calls % floats.length;
      floats[at] = -floats[at];
    }
  }
}
