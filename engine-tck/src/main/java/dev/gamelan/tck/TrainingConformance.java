package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Device;
import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Dropout;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Pool;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Adam;
import dev.gamelan.optim.AdamW;
import dev.gamelan.optim.Optimizer;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.FiniteCheck;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Layers and optimisers, in compiled steps. */
public abstract class TrainingConformance {
  protected abstract Device device();

  private void on(Runnable test) {
    Devices.use(
        device(),
        () -> {
          test.run();
          return true;
        });
  }

  @Test
  void dropoutDrawsANewMaskAtEachStepAndNoneInInference() {
    on(
        () -> {
          var dropout = new Dropout(0.5);
          var f = CompiledFunction.of(in -> List.of(dropout.forward(in.getFirst())));
          var x = Tensors.ones(DType.F32, 64).evaluate();
          Function<Integer, float[]> step =
              n ->
                  Mode.TRAINING.call(
                      () ->
                          RandomKey.of(5).foldIn(n).use(() -> f.call(x).getFirst().toFloatArray()));
          assertFalse(Arrays.equals(step.apply(0), step.apply(1)));
          assertArrayEquals(step.apply(1), step.apply(1));
          assertArrayEquals(x.toFloatArray(), f.call(x).getFirst().toFloatArray());
        });
  }

  @Test
  void dropoutInAScanBodyDrawsANewMaskInEachIteration() {
    on(
        () -> {
          var dropout = new Dropout(0.5);
          var f =
              CompiledFunction.of(
                  in ->
                      List.of(
                          Tensors.scan(
                                  List.of(),
                                  in,
                                  (carry, slice) ->
                                      new Tensors.Step(
                                          List.of(), List.of(dropout.forward(slice.getFirst()))))
                              .slices()
                              .getFirst()));
          var x = Tensors.ones(DType.F32, 2, 64).evaluate();
          var y =
              Mode.TRAINING.call(
                  () -> RandomKey.of(5).use(() -> f.call(x).getFirst().toFloatArray()));
          assertFalse(Arrays.equals(Arrays.copyOfRange(y, 0, 64), Arrays.copyOfRange(y, 64, 128)));
        });
  }

  @Test
  void aLayerWithoutValuesSaysHowToGetThem() {
    on(
        () -> {
          var linear = new Linear(2, 3);
          var error =
              assertThrows(
                  IllegalStateException.class, () -> linear.forward(Tensors.ones(DType.F32, 1, 2)));
          assertTrue(String.valueOf(error.getMessage()).contains("initialize"));
        });
  }

  @Test
  void batchNormKeepsRunningStatistics() {
    on(
        () -> {
          var norm = new BatchNorm(1);
          norm.initialize(RandomKey.of(0));
          // Mean 2, unbiased variance 2: running mean 0.1·2, running variance 0.9 + 0.1·2.
          var x = Tensor.of(new float[] {1, 3}, 2, 1);
          var y = Mode.TRAINING.call(() -> norm.forward(x).toFloatArray());
          assertArrayEquals(new float[] {-1, 1}, y, 1e-4f);
          var state = norm.snapshot();
          assertEquals(0.2, value(state.get("running_mean")), 1e-6);
          assertEquals(1.1, value(state.get("running_var")), 1e-6);
          double expected = (1 - 0.2) / Math.sqrt(1.1 + 1e-5);
          assertEquals(expected, norm.forward(x).toFloatArray()[0], 1e-5);
        });
  }

  private static double value(@Nullable Tensor tensor) {
    if (tensor == null) throw new AssertionError("there is no such state");
    return tensor.toDouble();
  }

  /** w² from w = 1 by hand: g = 2w. */
  @Test
  void optimisersFollowTheirFormulas() {
    on(
        () -> {
          // SGD: w ← w − 0.1·2w = 0.8w, twice.
          assertEquals(0.64, afterTwoSteps(p -> new Sgd(p, 0.1)), 1e-6);
          // Momentum 0.9: v = 2, w = 0.8; v = 1.8 + 1.6 = 3.4, w = 0.46.
          var momentum = Sgd.Options.DEFAULT.withMomentum(0.9);
          assertEquals(0.46, afterTwoSteps(p -> new Sgd(p, 0.1, momentum)), 1e-6);
          // Nesterov: w = 1 − 0.1·(2 + 1.8) = 0.62; v = 1.8 + 1.24 = 3.04, w −= 0.1·(1.24 + 2.736).
          var nesterov = momentum.withNesterov(true);
          assertEquals(0.2224, afterTwoSteps(p -> new Sgd(p, 0.1, nesterov)), 1e-5);
          // Adam moves by about the rate while gradients keep their sign.
          assertEquals(0.8, afterTwoSteps(p -> new Adam(p, 0.1)), 2e-3);
          // AdamW with decay 0.5 also shrinks by 1 − 0.1·0.5 before each move.
          var decay = AdamW.Options.DEFAULT.withWeightDecay(0.5);
          assertEquals(
              (1 * 0.95 - 0.1) * 0.95 - 0.1, afterTwoSteps(p -> new AdamW(p, 0.1, decay)), 3e-3);
        });
  }

  private static double afterTwoSteps(Function<List<Parameter>, Optimizer> create) {
    var w = Parameter.of(Tensor.scalar(1));
    var optimizer = create.apply(List.of(w));
    var step =
        CompiledFunction.of(
            in -> {
              optimizer.update(Gradients.compute(List.of(w), () -> w.value().square()));
              return List.of();
            });
    step.call();
    step.call();
    return w.value().toDouble();
  }

  @Test
  void aSmallNetworkLearnsAndTwoRunsAgreeBitForBit() {
    on(
        () -> {
          var first = train(11);
          assertTrue(first[first.length - 1] < first[0] / 5, Arrays.toString(first));
          assertArrayEquals(first, train(11));
          assertFalse(Arrays.equals(first, train(12)));
        });
  }

  /** Tells bright left halves from bright right ones. */
  private static float[] train(long seed) {
    var model =
        new Sequential(
            new Conv2d(1, 4, 3, Conv2d.Options.DEFAULT.withPadding(1)),
            new BatchNorm(4),
            UnaryLayer.of(Tensor::relu),
            Pool.max(2),
            UnaryLayer.of(x -> x.flatten(1)),
            new Dropout(0.1),
            new Linear(16, 2));
    model.initialize(RandomKey.of(seed));
    var optimizer = new AdamW(model.parameters(), 0.02);
    var step =
        CompiledFunction.of(
            in -> {
              var gradients =
                  Gradients.compute(
                      model.parameters(),
                      () -> model.forward(in.getFirst()).crossEntropy(in.get(1)));
              optimizer.update(gradients);
              return List.of(gradients.loss());
            });
    var images = new float[8 * 16];
    var labels = new int[8];
    for (int i = 0; i < 8; i++) {
      labels[i] = i % 2;
      for (int at = 0; at < 16; at++) {
        boolean left = at % 4 < 2;
        images[i * 16 + at] = (left == (labels[i] == 0) ? 1 : 0) + 0.01f * i;
      }
    }
    var x = Tensor.of(images, 8, 1, 4, 4);
    var y = Tensor.of(labels);
    var losses = new float[40];
    for (int i = 0; i < losses.length; i++) {
      var key = RandomKey.of(seed).foldIn(i);
      losses[i] = Mode.TRAINING.call(() -> key.use(() -> step.call(x, y))).getFirst().toFloat();
    }
    return losses;
  }

  /** log(x − 2) is NaN at x = 1; where x is 4 all is finite. */
  @Test
  void theFirstValueThatIsNotFiniteIsNamedAndStateIsKept() {
    on(
        () -> {
          var counter = Parameter.of(Tensor.scalar(0));
          Function<List<Tensor>, List<Tensor>> function =
              in -> {
                counter.assign(counter.value().add(1));
                return List.of(in.getFirst().sub(2).log().sum());
              };
          var good = List.of(Tensor.of(new float[] {4, 4}));
          assertEquals(Optional.empty(), FiniteCheck.firstNonFinite(function, good, Map.of()));
          var bad = List.of(Tensor.of(new float[] {4, 1}));
          var found = FiniteCheck.firstNonFinite(function, bad, Map.of()).orElseThrow();
          assertTrue(found.contains("= log"), found);
          var infinite = List.of(Tensor.of(new float[] {Float.POSITIVE_INFINITY, 1}));
          var input = FiniteCheck.firstNonFinite(function, infinite, Map.of()).orElseThrow();
          assertTrue(input.contains("column 0"), input);
          assertEquals(0, counter.value().toDouble());
          // An infinite mask is meant; what is to blame is the logarithm of −1.
          var mask = Tensor.of(new float[] {Float.NEGATIVE_INFINITY, 0});
          Function<List<Tensor>, List<Tensor>> masked =
              in -> List.of(in.getFirst().sub(2).log().add(in.get(1)).exp().sum());
          var blamed = FiniteCheck.firstNonFinite(masked, List.of(bad.getFirst(), mask), Map.of());
          assertTrue(blamed.orElseThrow().contains("= log"), blamed.toString());
        });
  }
}
