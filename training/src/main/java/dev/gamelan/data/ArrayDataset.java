package dev.gamelan.data;

import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.Shape;
import java.util.List;

/** Examples in memory: f32 inputs of one shape, and an i32 label for each. */
public final class ArrayDataset implements Dataset {
  private final float[] inputs;
  private final Shape shape;
  private final int width;
  private final int[] labels;

  /**
   * @param shape of one example
   */
  public ArrayDataset(float[] inputs, Shape shape, int[] labels) {
    this.inputs = inputs.clone();
    this.shape = shape;
    this.width = Math.toIntExact(shape.size());
    this.labels = labels.clone();
    if (inputs.length != (long) labels.length * width) {
      throw new IllegalArgumentException(
          "%d labels need %d input elements of shape %s each; got %d"
              .formatted(labels.length, width, shape, inputs.length));
    }
  }

  @Override
  public long size() {
    return labels.length;
  }

  @Override
  public Batch batch(long[] indices) {
    var batchInputs = new float[indices.length * width];
    var batchLabels = new int[indices.length];
    for (int i = 0; i < indices.length; i++) {
      int from = Math.toIntExact(indices[i]);
      System.arraycopy(inputs, from * width, batchInputs, i * width, width);
      batchLabels[i] = labels[from];
    }
    var batchShape = shape.insert(0, indices.length).dims();
    return new Batch(List.of(Tensor.of(batchInputs, batchShape), Tensor.of(batchLabels)));
  }
}
