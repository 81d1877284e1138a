package dev.gamelan.train;

import dev.gamelan.tensor.Tensor;

/** A measure of predictions that is gathered batch by batch; not for several threads at a time. */
public interface Metric {
  String name();

  /** Forgets all batches. */
  void reset();

  /**
   * @param predictions logits [N, C], or a number for each example, as the metric says
   * @param targets a class or number for each example
   */
  void add(Tensor predictions, Tensor targets);

  /** Of all batches since the reset; NaN of nothing. */
  double value();
}
