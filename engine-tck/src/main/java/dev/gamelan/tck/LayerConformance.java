package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.reference.ReferenceEngine;
import dev.gamelan.nn.AdaptivePool;
import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Conv1d;
import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Conv3d;
import dev.gamelan.nn.ConvTranspose2d;
import dev.gamelan.nn.Convolution;
import dev.gamelan.nn.GroupNorm;
import dev.gamelan.nn.Gru;
import dev.gamelan.nn.KeyValueCache;
import dev.gamelan.nn.Layer;
import dev.gamelan.nn.LayerNorm;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Lstm;
import dev.gamelan.nn.MultiHeadAttention;
import dev.gamelan.nn.Pool;
import dev.gamelan.nn.RecurrentLayer;
import dev.gamelan.nn.RmsNorm;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.TransposedConvolution;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Adafactor;
import dev.gamelan.optim.Adagrad;
import dev.gamelan.optim.Adam;
import dev.gamelan.optim.AdamW;
import dev.gamelan.optim.Lion;
import dev.gamelan.optim.Optimizer;
import dev.gamelan.optim.RmsProp;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Compiled training steps of every layer and optimiser, against the reference engine. */
public abstract class LayerConformance {
  /** Three steps round some dozens of times, each by 6e-8 of the numbers at hand. */
  private static final double TOLERANCE = 2e-5;

  private static final int STEPS = 3;

  protected abstract Device device();

  /** A layer, what it is made to compute, and the shape of its input. */
  private record Case<L extends Layer>(
      Supplier<L> layer, Function<L, Function<Tensor, Tensor>> forward, Shape shape) {
    static Case<UnaryLayer> unary(Supplier<UnaryLayer> layer, long... shape) {
      return new Case<>(layer, l -> l::forward, Shape.of(shape));
    }

    /** The parameters, running statistics and losses of a few steps on one batch. */
    Map<String, float[]> train(Device device, Function<List<Parameter>, Optimizer> create) {
      return Devices.use(
          device,
          () -> {
            var made = layer.get();
            made.initialize(RandomKey.of(3));
            var optimizer = create.apply(made.parameters());
            var x = RandomKey.of(4).use(() -> Tensors.uniform(DType.F32, shape.dims())).sub(0.5);
            var step =
                CompiledFunction.of(
                    in -> {
                      var gradients =
                          Gradients.compute(
                              made.parameters(),
                              () -> forward.apply(made).apply(in.getFirst()).square().mean());
                      optimizer.update(gradients);
                      return List.of(gradients.loss());
                    });
            var results = new LinkedHashMap<String, float[]>();
            for (int i = 0; i < STEPS; i++) {
              var loss = Mode.TRAINING.call(() -> step.call(x)).getFirst();
              results.put("the loss of step " + i, loss.toFloatArray());
            }
            made.snapshot().forEach((name, value) -> results.put(name, value.toFloatArray()));
            return results;
          });
    }
  }

  private static Map<String, Case<?>> layers() {
    var conv = Convolution.Options.DEFAULT;
    var recurrent = RecurrentLayer.Options.DEFAULT.withLayers(2).withBidirectional(true);
    var attention = MultiHeadAttention.Options.DEFAULT.withCausal(true);
    var all = new LinkedHashMap<String, Case<?>>();
    all.put("linear", Case.unary(() -> new Linear(5, 3), 4, 5));
    all.put("conv1d", Case.unary(() -> new Conv1d(2, 4, 3, conv.withGroups(2)), 2, 2, 7));
    all.put("conv2d", Case.unary(() -> new Conv2d(2, 3, 3, conv.withPadding(1)), 2, 2, 5, 4));
    all.put("conv3d", Case.unary(() -> new Conv3d(1, 2, 2, conv.withStride(2)), 1, 1, 4, 5, 4));
    all.put(
        "conv_transpose2d",
        Case.unary(
            () -> new ConvTranspose2d(2, 3, 3, TransposedConvolution.Options.DEFAULT.withStride(2)),
            2,
            2,
            3,
            4));
    all.put("batch_norm", Case.unary(() -> new BatchNorm(3), 4, 3, 2));
    all.put("layer_norm", Case.unary(() -> new LayerNorm(6), 3, 6));
    all.put("rms_norm", Case.unary(() -> new RmsNorm(6, 1e-6), 3, 6));
    all.put("group_norm", Case.unary(() -> new GroupNorm(2, 4), 3, 4, 5));
    all.put("max_pool", Case.unary(() -> after(Pool.max(2)), 2, 3, 6));
    all.put("average_pool", Case.unary(() -> after(Pool.average(2)), 2, 3, 6));
    all.put("adaptive_max_pool", Case.unary(() -> after(AdaptivePool.max(3)), 2, 3, 7));
    all.put("adaptive_average_pool", Case.unary(() -> after(AdaptivePool.average(3)), 2, 3, 7));
    all.put(
        "lstm",
        new Case<>(
            () -> new Lstm(3, 4, recurrent), l -> x -> l.forward(x).sequence(), Shape.of(5, 2, 3)));
    all.put(
        "gru",
        new Case<>(
            () -> new Gru(3, 4, recurrent), l -> x -> l.forward(x).sequence(), Shape.of(5, 2, 3)));
    all.put(
        "attention",
        new Case<>(
            () -> new MultiHeadAttention(8, 4, attention.withKeyValueHeads(2)),
            l -> l::forward,
            Shape.of(2, 5, 8)));
    return all;
  }

  /** A layer with parameters before one without, so that there is something to train. */
  private static UnaryLayer after(UnaryLayer pool) {
    return new Sequential(new BatchNorm(3), pool);
  }

  private static Map<String, Function<List<Parameter>, Optimizer>> optimizers() {
    var all = new LinkedHashMap<String, Function<List<Parameter>, Optimizer>>();
    all.put("sgd", p -> new Sgd(p, 0.1, new Sgd.Options(0.9, true, 0.01)));
    all.put("adam", p -> new Adam(p, 0.01));
    all.put("adamw", p -> new AdamW(p, 0.01));
    all.put("adagrad", p -> new Adagrad(p, 0.1));
    all.put("rmsprop", p -> new RmsProp(p, 0.01, new RmsProp.Options(0.9, 1e-8, 0.5, true, 0)));
    all.put("lion", p -> new Lion(p, 0.01));
    all.put("adafactor", Adafactor::new);
    return all;
  }

  @TestFactory
  Stream<DynamicTest> layersTrainAsOnTheReference() {
    return layers().entrySet().stream()
        .map(
            entry ->
                DynamicTest.dynamicTest(
                    entry.getKey(), () -> compare(entry.getValue(), p -> new Sgd(p, 0.1))));
  }

  @TestFactory
  Stream<DynamicTest> optimisersTakeTheStepsOfTheReference() {
    var linear = Case.unary(() -> new Linear(5, 3), 4, 5);
    return optimizers().entrySet().stream()
        .map(
            entry ->
                DynamicTest.dynamicTest(entry.getKey(), () -> compare(linear, entry.getValue())));
  }

  /** A prompt of three positions, then one at a time; the cache is updated in place. */
  @Test
  void positionsThroughACacheGiveWhatAllAtOnceGive() {
    Devices.use(
        device(),
        () -> {
          var options = MultiHeadAttention.Options.DEFAULT.withCausal(true).withKeyValueHeads(2);
          var attention = new MultiHeadAttention(8, 4, options);
          attention.initialize(RandomKey.of(1));
          var x = RandomKey.of(2).use(() -> Tensors.uniform(DType.F32, 2, 6, 8));
          var cache = new KeyValueCache(2, attention.keyValueHeads(), 6, 2);
          var step = CompiledFunction.of(in -> List.of(attention.forward(in.getFirst(), cache)));
          var parts = new ArrayList<Tensor>();
          parts.add(step.call(x.slice(1, 0, 3)).getFirst());
          for (int at = 3; at < 6; at++) {
            parts.add(step.call(x.slice(1, at, at + 1)).getFirst());
          }
          var whole = attention.forward(x).toFloatArray();
          assertArrayEquals(whole, Tensors.concatenate(1, parts).toFloatArray(), 1e-5f);
          return true;
        });
  }

  private void compare(Case<?> c, Function<List<Parameter>, Optimizer> optimizer) {
    var expected = c.train(new Device(ReferenceEngine.NAME, 0), optimizer);
    var actual = c.train(device(), optimizer);
    assertEquals(expected.keySet(), actual.keySet());
    expected.forEach(
        (name, want) -> {
          var got = Objects.requireNonNull(actual.get(name));
          double scale = 1;
          for (float x : want) scale = Math.max(scale, Math.abs(x));
          for (int i = 0; i < want.length; i++) {
            int at = i;
            assertTrue(
                Math.abs(want[i] - got[i]) <= TOLERANCE * scale,
                () -> "%s at %d: %s, not %s".formatted(name, at, got[at], want[at]));
          }
        });
  }
}
