package dev.gamelan.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.golden.Golden;
import dev.gamelan.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every metric against scikit-learn's, gathered over two batches. */
class MetricsTest {
  /** The reference engine and scikit-learn add up f32 inputs in f64; logits are rounded to f32. */
  private static final double TOLERANCE = 1e-6;

  private static final Golden GOLDEN = Golden.load("metrics");

  private record Case(Metric metric, String predictions, String targets) {}

  private static Map<String, Case> cases() {
    var all = new LinkedHashMap<String, Case>();
    var macro = Metrics.Average.MACRO;
    var weighted = Metrics.Average.WEIGHTED;
    all.put("accuracy", new Case(Metrics.accuracy(), "logits", "labels"));
    all.put("top_2", new Case(Metrics.topAccuracy(2), "logits", "labels"));
    all.put("precision_macro", new Case(Metrics.precision(4, macro), "logits", "labels"));
    all.put("precision_weighted", new Case(Metrics.precision(4, weighted), "logits", "labels"));
    all.put("recall_macro", new Case(Metrics.recall(4, macro), "logits", "labels"));
    all.put("recall_weighted", new Case(Metrics.recall(4, weighted), "logits", "labels"));
    all.put("f1_macro", new Case(Metrics.f1(4, macro), "logits", "labels"));
    all.put("f1_weighted", new Case(Metrics.f1(4, weighted), "logits", "labels"));
    all.put("perplexity", new Case(Metrics.perplexity(), "logits", "labels"));
    all.put("roc_auc", new Case(Metrics.rocAuc(), "scores", "binary"));
    all.put("mse", new Case(Metrics.meanSquaredError(), "predicted", "true"));
    all.put("rmse", new Case(Metrics.rootMeanSquaredError(), "predicted", "true"));
    all.put("mae", new Case(Metrics.meanAbsoluteError(), "predicted", "true"));
    all.put("r2", new Case(Metrics.determination(), "predicted", "true"));
    return all;
  }

  @TestFactory
  Stream<DynamicTest> metricsAreThoseOfScikitLearn() {
    return cases().entrySet().stream()
        .map(
            entry ->
                DynamicTest.dynamicTest(
                    entry.getKey(), () -> check(entry.getKey(), entry.getValue())));
  }

  private static void check(String name, Case c) {
    var predictions = GOLDEN.get(c.predictions());
    var targets = GOLDEN.get(c.targets());
    long n = targets.dim(0);
    c.metric().add(predictions, targets);
    c.metric().reset();
    c.metric().add(predictions.slice(0, 0, 7), targets.slice(0, 0, 7));
    c.metric().add(predictions.slice(0, 7, n), targets.slice(0, 7, n));
    assertEquals(GOLDEN.get("metric/" + name).toDouble(), c.metric().value(), TOLERANCE);
  }

  @Test
  void everyGoldenMetricIsTested() {
    assertEquals(new TreeSet<>(GOLDEN.under("metric/").keySet()), new TreeSet<>(cases().keySet()));
  }

  @Test
  void aConfusionMatrixCountsRowsByTruth() {
    var confusion = new ConfusionMatrix(2);
    confusion.add(new int[] {0, 0, 1}, new int[] {0, 1, 1});
    assertEquals(2 / 3.0, confusion.accuracy());
    assertEquals(1, confusion.count(0, 1));
    assertTrue(confusion.toString().contains("    0    1    1"), confusion.toString());
    var error =
        assertThrows(
            IllegalArgumentException.class, () -> confusion.add(new int[] {2}, new int[] {0}));
    assertTrue(error.getMessage().contains("class 2 is none of 2"), error.getMessage());
  }

  @Test
  void scoresThatAreNaNDoNotHang() {
    var auc = new RocAuc();
    auc.add(Tensor.of(new float[] {Float.NaN, 1, Float.NaN}), Tensor.of(new int[] {0, 1, 1}));
    assertTrue(auc.value() >= 0);
  }
}
