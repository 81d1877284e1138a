package dev.gamelan.golden;

import static dev.gamelan.golden.Golden.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Adafactor;
import dev.gamelan.optim.Adagrad;
import dev.gamelan.optim.Adam;
import dev.gamelan.optim.AdamW;
import dev.gamelan.optim.ExponentialMovingAverage;
import dev.gamelan.optim.GradientClipping;
import dev.gamelan.optim.LearningRateSchedule;
import dev.gamelan.optim.Lion;
import dev.gamelan.optim.Optimizer;
import dev.gamelan.optim.ParameterGroup;
import dev.gamelan.optim.ReduceOnPlateau;
import dev.gamelan.optim.RmsProp;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Ten steps of every optimiser, and every schedule, against PyTorch. */
class OptimizerGoldenTest {
  /**
   * Each of 10 steps rounds parameters of about 1 to f32 a few times in either library, and the
   * second moments of Adam and its kin divide by roots of small numbers, which doubles the relative
   * error: some 10 · 4 · 6e-8.
   */
  private static final double TOLERANCE = 5e-6;

  private static final Golden GOLDEN = Golden.load("optimizers");

  private static UnaryLayer network() {
    var layers = new Sequential(new Linear(4, 6), UnaryLayer.of(Tensor::tanh), new Linear(6, 3));
    layers.load(GOLDEN.under("start."));
    return layers;
  }

  private static Map<String, Function<List<Parameter>, Optimizer>> optimizers() {
    var all = new LinkedHashMap<String, Function<List<Parameter>, Optimizer>>();
    all.put("sgd", p -> new Sgd(p, 0.1));
    all.put(
        "sgd_momentum",
        p -> new Sgd(p, 0.05, Sgd.Options.DEFAULT.withMomentum(0.9).withWeightDecay(0.01)));
    all.put(
        "sgd_nesterov",
        p -> new Sgd(p, 0.05, Sgd.Options.DEFAULT.withMomentum(0.9).withNesterov(true)));
    all.put("adam", p -> new Adam(p, 0.02));
    all.put("adam_decay", p -> new Adam(p, 0.02, new Adam.Options(0.8, 0.95, 1e-6, 0.1)));
    all.put("adamw", p -> new AdamW(p, 0.02, AdamW.Options.DEFAULT.withWeightDecay(0.1)));
    all.put("adagrad", p -> new Adagrad(p, 0.1));
    all.put("adagrad_decay", p -> new Adagrad(p, 0.1, new Adagrad.Options(1e-6, 0.01, 0.1, 0.2)));
    all.put("rmsprop", p -> new RmsProp(p, 0.01));
    all.put(
        "rmsprop_centered",
        p -> new RmsProp(p, 0.01, new RmsProp.Options(0.9, 1e-8, 0.5, true, 0.01)));
    all.put("lion", p -> new Lion(p, 0.01));
    all.put("lion_decay", p -> new Lion(p, 0.01, new Lion.Options(0.95, 0.98, 0.1)));
    all.put("adafactor", Adafactor::new);
    all.put(
        "adafactor_decay",
        p -> new Adafactor(p, 0.5, new Adafactor.Options(-0.6, 0x1p-23, 1e-3, 1.2, 0.05)));
    return all;
  }

  @TestFactory
  Stream<DynamicTest> tenStepsEndWherePyTorchEnds() {
    return optimizers().entrySet().stream()
        .map(
            entry ->
                DynamicTest.dynamicTest(
                    entry.getKey(),
                    () -> {
                      var model = network();
                      var optimizer = entry.getValue().apply(model.parameters());
                      checkLosses(entry.getKey(), losses(model, optimizer, null));
                      checkEnd(entry.getKey(), model.snapshot());
                    }));
  }

  @Test
  void everyGoldenCaseIsTested() {
    var tested = new TreeSet<>(optimizers().keySet());
    tested.addAll(
        List.of("groups", "clip_norm", "clip_value", "accumulated", "averaged", "schedule"));
    assertEquals(GOLDEN.cases(), tested);
  }

  private static List<Float> losses(
      UnaryLayer model, Optimizer optimizer, GradientClipping clipping) {
    var losses = new ArrayList<Float>();
    for (int i = 0; i < 10; i++) {
      int step = i;
      var gradients = Gradients.compute(model.parameters(), () -> loss(model, step));
      var all = optimizer.parameters().stream().map(gradients::of).toList();
      optimizer.update(clipping == null ? all : clipping.apply(all));
      losses.add(gradients.loss().toFloat());
    }
    return losses;
  }

  private static Tensor loss(UnaryLayer model, int step) {
    return Losses.meanSquared(
        model.forward(GOLDEN.get("x").at(0, step)), GOLDEN.get("y").at(0, step));
  }

  private static void checkLosses(String name, List<Float> losses) {
    var got = new float[losses.size()];
    for (int i = 0; i < got.length; i++) got[i] = losses.get(i);
    assertClose(name + "/losses", GOLDEN.get(name + "/losses"), Tensor.of(got), TOLERANCE);
  }

  private static void checkEnd(String name, Map<String, Tensor> values) {
    values.forEach(
        (parameter, value) -> {
          var label = name + "/end." + parameter;
          assertClose(label, GOLDEN.get(label), value, TOLERANCE);
        });
  }

  @Test
  void groupsHaveTheirOwnOptionsAndScaleTheScheduledRate() {
    var model = network();
    var matrices = model.parameters().stream().filter(p -> p.type().rank() > 1).toList();
    var vectors = model.parameters().stream().filter(p -> p.type().rank() < 2).toList();
    var plain = AdamW.Options.DEFAULT.withWeightDecay(0);
    var optimizer =
        new AdamW(
            0.02,
            List.of(
                ParameterGroup.of(matrices, plain.withWeightDecay(0.2)),
                new ParameterGroup<>(vectors, 0.2, plain)));
    for (int i = 0; i < 10; i++) {
      int step = i;
      optimizer.setLearningRate(0.02 / (i + 1));
      optimizer.update(Gradients.compute(model.parameters(), () -> loss(model, step)));
    }
    checkEnd("groups", model.snapshot());
  }

  @Test
  void clippingByNormScalesAllGradientsAlike() {
    var model = network();
    var sgd = new Sgd(model.parameters(), 0.5);
    checkLosses("clip_norm", losses(model, sgd, new GradientClipping.ByNorm(0.3)));
    checkEnd("clip_norm", model.snapshot());
  }

  @Test
  void clippingByValueCutsEachElement() {
    var model = network();
    var sgd = new Sgd(model.parameters(), 0.5);
    checkLosses("clip_value", losses(model, sgd, new GradientClipping.ByValue(0.05)));
    checkEnd("clip_value", model.snapshot());
  }

  @Test
  void averagesFollowTheSteps() {
    var model = network();
    var sgd = new Sgd(model.parameters(), 0.1);
    var average = new ExponentialMovingAverage(model.namedParameters(), 0.7);
    for (int i = 0; i < 10; i++) {
      int step = i;
      sgd.update(Gradients.compute(model.parameters(), () -> loss(model, step)));
      average.update();
    }
    checkEnd("averaged", average.use(model::snapshot));
  }

  @Test
  void schedulesGiveTheRatesOfPyTorch() {
    checkRates("constant", LearningRateSchedule.constant(0.5));
    checkRates("linear", LearningRateSchedule.linear(0.5, 0.1, 40));
    checkRates("cosine", LearningRateSchedule.cosine(0.5, 0.05, 40));
    checkRates("step", LearningRateSchedule.step(0.5, 0.6, 7));
    checkRates("exponential", LearningRateSchedule.exponential(0.5, 0.95));
    checkRates("one_cycle", LearningRateSchedule.oneCycle(0.5, 60));
    checkRates(
        "sequence",
        LearningRateSchedule.sequence(
            Map.of(
                0L, LearningRateSchedule.linear(0.05, 0.5, 10),
                10L, LearningRateSchedule.exponential(0.5, 0.9))));
    checkRates(
        "warm_up_cosine",
        LearningRateSchedule.warmUp(10, LearningRateSchedule.cosine(0.5, 0.05, 40)));
  }

  /** Rates are computed in f64 on both sides; only the order of operations differs. */
  private static void checkRates(String name, LearningRateSchedule schedule) {
    var want = GOLDEN.get("schedule/" + name).toDoubleArray();
    for (int i = 0; i < want.length; i++) {
      assertEquals(want[i], schedule.at(i), 1e-12, name + " at step " + i);
    }
  }

  @Test
  void aPlateauLowersTheRateAsInPyTorch() {
    var options = new ReduceOnPlateau.Options(0.5, 2, 1e-3, 0.01);
    var schedule = new ReduceOnPlateau(0.5, options);
    var want = GOLDEN.get("schedule/plateau").toDoubleArray();
    var observed = GOLDEN.get("schedule/plateau_observed").toDoubleArray();
    for (int i = 0; i < want.length; i++) {
      assertEquals(want[i], schedule.at(i), 1e-12, "step " + i);
      schedule.observe(observed[i]);
      // Through a checkpoint, so that its state is all there is.
      var restored = new ReduceOnPlateau(9, options);
      restored.restore(schedule.state());
      schedule = restored;
    }
  }
}
