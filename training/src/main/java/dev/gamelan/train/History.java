package dev.gamelan.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Remembers curves over the steps: the loss of each epoch, the metrics of each validation, and
 * whatever else is recorded by name.
 */
public final class History implements TrainingListener {
  /** A value of a curve. */
  public record Point(long step, double value) {}

  private final Map<String, List<Point>> curves = new LinkedHashMap<>();

  @Override
  public void afterValidation(Progress progress, Map<String, Double> metrics) {
    metrics.forEach((name, value) -> record(name, progress.step(), value));
  }

  @Override
  public void afterEpoch(Progress progress, double meanLoss) {
    record("loss", progress.step(), meanLoss);
  }

  /** Appends a value to the curve {@code name}. */
  public void record(String name, long step, double value) {
    curves.computeIfAbsent(name, n -> new ArrayList<>()).add(new Point(step, value));
  }

  /** The points of each curve, in order. */
  public Map<String, List<Point>> curves() {
    var copy = new LinkedHashMap<String, List<Point>>();
    curves.forEach((name, points) -> copy.put(name, List.copyOf(points)));
    return copy;
  }

  void restore(Map<String, List<Point>> saved) {
    curves.clear();
    saved.forEach((name, points) -> curves.put(name, new ArrayList<>(points)));
  }
}
