package dev.gamelan.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LayerTest {
  private static Tensor numbers(long... shape) {
    return RandomKey.of(9).use(() -> Tensors.normal(DType.F32, shape));
  }

  private static MultiHeadAttention attention(MultiHeadAttention.Options options) {
    var attention = new MultiHeadAttention(8, 4, options);
    attention.initialize(RandomKey.of(1));
    return attention;
  }

  @Test
  void positionsOneByOneThroughACacheGiveWhatAllAtOnceGive() {
    var options = MultiHeadAttention.Options.DEFAULT.withCausal(true);
    for (var heads : List.of(options, options.withKeyValueHeads(2))) {
      var attention = attention(heads);
      var x = numbers(2, 6, 8);
      var whole = attention.forward(x).toFloatArray();
      var cache = new KeyValueCache(2, attention.keyValueHeads(), 6, 2);
      // Three positions at once, then one at a time, as a prompt and its continuation.
      var step = CompiledFunction.of(in -> List.of(attention.forward(in.getFirst(), cache)));
      var parts = new ArrayList<Tensor>();
      parts.add(step.call(x.slice(1, 0, 3)).getFirst());
      for (int at = 3; at < 6; at++) parts.add(step.call(x.slice(1, at, at + 1)).getFirst());
      var joined = Tensors.concatenate(1, parts).toFloatArray();
      assertArrayEquals(whole, joined, 1e-6f);
      assertEquals(6, cache.length());
    }
  }

  @Test
  void aCacheThatIsFullGivesNaNNotAWrongAnswer() {
    var attention = attention(MultiHeadAttention.Options.DEFAULT);
    var cache = new KeyValueCache(1, 4, 2, 2);
    attention.forward(numbers(1, 2, 8), cache).evaluate();
    var past = attention.forward(numbers(1, 1, 8), cache).toFloatArray();
    assertTrue(Float.isNaN(past[0]));
    cache.reset();
    assertEquals(0, cache.length());
  }

  @Test
  void fewerKeyValueHeadsAreSharedByNeighbours() {
    // With the rows of each shared head repeated for the heads that share it, both are the same.
    var shared = attention(MultiHeadAttention.Options.DEFAULT.withKeyValueHeads(2));
    var full = new MultiHeadAttention(8, 4, MultiHeadAttention.Options.DEFAULT);
    var values = new LinkedHashMap<>(shared.snapshot());
    values.put("in_proj_weight", repeated(values.get("in_proj_weight"), 8));
    values.put("in_proj_bias", repeated(values.get("in_proj_bias").reshape(-1, 1), 1).reshape(-1));
    full.load(values);
    var x = numbers(2, 5, 8);
    assertArrayEquals(full.forward(x).toFloatArray(), shared.forward(x).toFloatArray(), 1e-6f);
  }

  /** Rows: 8 of queries, then 2 heads of 2 rows each of keys and of values, each head twice. */
  private static Tensor repeated(Tensor rows, long width) {
    var heads = rows.slice(0, 8, 16).reshape(4, 1, 2, width);
    var twice = Tensors.concatenate(1, List.of(heads, heads)).reshape(16, width);
    return Tensors.concatenate(0, List.of(rows.slice(0, 0, 8), twice));
  }

  @Test
  void batchNormFollowsTheBatchesInTraining() {
    var norm = new BatchNorm(1, BatchNorm.Options.DEFAULT.withMomentum(0.5));
    norm.initialize(RandomKey.of(1));
    var x = Tensor.of(new float[] {1, 3}, 2, 1);
    Mode.TRAINING.call(() -> norm.forward(x)).evaluate();
    // Mean 2 and unbiased variance 2, half of the way from 0 and 1.
    assertEquals(1, norm.snapshot().get("running_mean").toDouble(), 1e-6);
    assertEquals(1.5, norm.snapshot().get("running_var").toDouble(), 1e-6);
  }

  @Test
  void impossibleAlignmentsHaveAnInfiniteLoss() {
    // Two equal labels need a blank between them: three steps, of which there are two.
    var logs = numbers(2, 1, 3).logSoftmax(2);
    var loss =
        Losses.ctc(
            logs,
            Tensor.of(new int[] {1, 1}).reshape(1, 2),
            Tensor.of(new int[] {2}),
            Tensor.of(new int[] {2}),
            0);
    assertEquals(Double.POSITIVE_INFINITY, loss.toDouble());
  }

  @Test
  void sizesThatCantBeAreRefusedWhereTheLayerIsMade() {
    assertThrows(IllegalArgumentException.class, () -> new GroupNorm(3, 4));
    assertThrows(
        IllegalArgumentException.class,
        () -> new MultiHeadAttention(8, 3, MultiHeadAttention.Options.DEFAULT));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Conv2d(3, 4, 3, Convolution.Options.DEFAULT.withGroups(2)));
    assertThrows(
        IllegalArgumentException.class,
        () ->
            new ConvTranspose2d(
                3, 4, 3, TransposedConvolution.Options.DEFAULT.withOutputPadding(1)));
    assertThrows(
        IllegalArgumentException.class,
        () -> new Lstm(3, 4, RecurrentLayer.Options.DEFAULT.withLayers(0)));
    assertThrows(
        IllegalArgumentException.class, () -> Losses.meanSquared(numbers(3, 1), numbers(3)));
  }

  @Test
  void loadingNamesWhatDiffersAndChangesNothing() {
    var model = new Linear(2, 1);
    model.initialize(RandomKey.of(1));
    var before = model.snapshot().get("bias").toFloat();
    var zeros = Tensors.zeros(TensorType.of(DType.F32, 1));
    var wide = Tensors.zeros(TensorType.of(DType.F32, 1, 3));
    var narrow = Tensors.zeros(TensorType.of(DType.F32, 1, 2));
    var expected =
        Map.of(
            Map.of("bias", zeros), "the model needs a value for 'weight'",
            Map.of("bias", zeros, "weight", wide),
                "'weight' of the model is f32[1,2]; got f32[1,3]",
            Map.of("bias", zeros, "weight", narrow, "x", zeros), "'x' is no part of the model");
    expected.forEach(
        (values, message) -> {
          var error = assertThrows(IllegalArgumentException.class, () -> model.load(values));
          assertTrue(error.getMessage().contains(message), error.getMessage());
        });
    assertEquals(before, model.snapshot().get("bias").toFloat());
  }
}
