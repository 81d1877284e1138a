package dev.gamelan.data;

import dev.gamelan.tensor.Tensor;
import java.util.List;

/** Some examples of a dataset, a tensor for each column: [batch, …]. */
public record Batch(List<Tensor> columns) {
  public Batch {
    columns = List.copyOf(columns);
  }

  public static Batch of(Tensor... columns) {
    return new Batch(List.of(columns));
  }

  /** The first column. */
  public Tensor input() {
    return columns.getFirst();
  }

  /** The second column. */
  public Tensor target() {
    return columns.get(1);
  }

  public Tensor column(int index) {
    return columns.get(index);
  }

  /** The number of examples. */
  public long size() {
    return columns.getFirst().dim(0);
  }
}
