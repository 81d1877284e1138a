package dev.gamelan.data;

import dev.gamelan.io.HostArray;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;

/**
 * Arrays whose first axis counts examples: of Java arrays, or of NPY, IDX and safetensors files,
 * which may be mapped and larger than memory.
 */
public final class ArrayDataset implements Dataset<Example> {
  private final List<HostArray> columns;
  private final long size;

  private ArrayDataset(List<HostArray> columns) {
    this.columns = List.copyOf(columns);
    this.size = columns.getFirst().type().dim(0);
    for (var column : columns) {
      if (column.type().dim(0) != size) {
        throw new IllegalArgumentException(
            "columns need as many examples each; got %s".formatted(columns));
      }
    }
  }

  /** A column for each array. */
  public static ArrayDataset of(HostArray first, HostArray... others) {
    var columns = new ArrayList<>(List.of(first));
    columns.addAll(List.of(others));
    return new ArrayDataset(columns);
  }

  /**
   * Inputs and a label for each.
   *
   * @param shape of one input
   */
  public static ArrayDataset of(float[] inputs, Shape shape, int[] labels) {
    if (inputs.length != labels.length * shape.size()) {
      throw new IllegalArgumentException(
          "%d labels need %d input elements of shape %s each; got %d"
              .formatted(labels.length, shape.size(), shape, inputs.length));
    }
    var batch = shape.insert(0, labels.length).dims();
    return of(HostArray.of(inputs.clone(), batch), HostArray.of(labels.clone()));
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  public Example get(long index) {
    return new Example(columns.stream().map(column -> column.at(index)).toList());
  }
}
