package dev.gamelan.train;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Remembers curves: the loss, and whatever else is recorded by name. */
public final class History implements TrainingListener {
  private final Map<String, List<Double>> curves = new LinkedHashMap<>();

  @Override
  public void afterEpoch(int epoch, int epochs, float loss) {
    record("loss", loss);
  }

  /** Appends a value to the curve {@code name}. */
  public void record(String name, double value) {
    curves.computeIfAbsent(name, n -> new ArrayList<>()).add(value);
  }

  /** The values of each curve, in order. */
  public Map<String, List<Double>> curves() {
    var copy = new LinkedHashMap<String, List<Double>>();
    curves.forEach((name, values) -> copy.put(name, List.copyOf(values)));
    return copy;
  }
}
