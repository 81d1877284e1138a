package dev.gamelan.engine.reference;

import dev.gamelan.ir.Window;
import dev.gamelan.type.Shape;

/**
 * Where the elements under a moving window lie in x [N, C, spatial…]. As a matrix: a row for each
 * batch row and position of the window, a column for each channel of a group and element of the
 * window; -1 where the window hangs over the edge.
 */
final class Patches {
  private final Shape x;
  private final Shape size;
  private final Shape positions;
  private final Window window;
  private final int channels;

  Patches(Shape x, Shape size, Shape positions, Window window, int groups) {
    this.x = x;
    this.size = size;
    this.positions = positions;
    this.window = window;
    this.channels = (int) (x.dim(1) / groups);
  }

  int[] ofGroup(int group) {
    int area = (int) x.range(2, x.rank()).size();
    var spatial = spatial();
    int rows = (int) x.dim(0);
    int places = (int) positions.size();
    int window = (int) size.size();
    var result = new int[rows * places * channels * window];
    int next = 0;
    for (int n = 0; n < rows; n++) {
      for (int p = 0; p < places; p++) {
        for (int c = 0; c < channels; c++) {
          int base = (n * (int) x.dim(1) + group * channels + c) * area;
          for (int k = 0; k < window; k++) {
            int at = spatial[p * window + k];
            result[next++] = at < 0 ? -1 : base + at;
          }
        }
      }
    }
    return result;
  }

  /** For each position and element of the window, the place in the spatial axes, or -1. */
  private int[] spatial() {
    int rank = size.rank();
    var strides = x.range(2, x.rank()).strides();
    var places = new int[(int) (positions.size() * size.size())];
    var positionIndex = indices(positions);
    var windowIndex = indices(size);
    int next = 0;
    for (var position : positionIndex) {
      for (var offset : windowIndex) {
        long at = 0;
        for (int i = 0; i < rank && at >= 0; i++) {
          long place =
              position[i] * window.strides().get(i)
                  + offset[i] * window.dilation().get(i)
                  - window.low().get(i);
          at = place >= 0 && place < x.dim(i + 2) ? at + place * strides[i] : -1;
        }
        places[next++] = (int) at;
      }
    }
    return places;
  }

  private static long[][] indices(Shape shape) {
    var indices = new long[(int) shape.size()][shape.rank()];
    var strides = shape.strides();
    for (int i = 0; i < indices.length; i++) {
      for (int axis = 0; axis < shape.rank(); axis++) {
        indices[i][axis] = i / strides[axis] % shape.dim(axis);
      }
    }
    return indices;
  }
}
