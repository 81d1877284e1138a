package dev.gamelan.tck;

import static dev.gamelan.tck.StrictKernels.sigmoid;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Recurrent;
import dev.gamelan.type.TensorType;
import java.util.List;

/** LSTM and GRU, a unit at a time. */
final class StrictRecurrent {
  private StrictRecurrent() {}

  static List<Array> apply(Recurrent op, List<Array> in, List<TensorType> types) {
    return switch (op) {
      case Recurrent.Lstm l -> lstm(l, in, types);
      case Recurrent.Gru g -> gru(g, in, types);
    };
  }

  private static List<Array> lstm(Recurrent.Lstm op, List<Array> in, List<TensorType> types) {
    int steps = (int) in.getFirst().type().dim(0);
    int rows = (int) in.getFirst().type().dim(1);
    int width = (int) in.get(1).type().dim(1);
    var h = in.get(1).floats().clone();
    var c = in.get(2).floats().clone();
    var ys = new double[steps * rows * width];
    for (int step = 0; step < steps; step++) {
      int t = op.reverse() ? steps - 1 - step : step;
      var previous = h.clone();
      for (int n = 0; n < rows; n++) {
        for (int j = 0; j < width; j++) {
          var gates = new double[4];
          for (int gate = 0; gate < 4; gate++) {
            int row = gate * width + j;
            gates[gate] =
                in.get(5).floats()[row]
                    + dot(in.get(3), row, in.getFirst().floats(), t * rows + n)
                    + dot(in.get(4), row, previous, n);
          }
          int at = n * width + j;
          c[at] = sigmoid(gates[1]) * c[at] + sigmoid(gates[0]) * Math.tanh(gates[2]);
          h[at] = sigmoid(gates[3]) * Math.tanh(c[at]);
          ys[t * rows * width + at] = h[at];
        }
      }
    }
    return List.of(
        StrictKernels.rounded(types.getFirst(), ys),
        StrictKernels.rounded(types.get(1), h),
        StrictKernels.rounded(types.get(2), c));
  }

  private static List<Array> gru(Recurrent.Gru op, List<Array> in, List<TensorType> types) {
    int steps = (int) in.getFirst().type().dim(0);
    int rows = (int) in.getFirst().type().dim(1);
    int width = (int) in.get(1).type().dim(1);
    var h = in.get(1).floats().clone();
    var ys = new double[steps * rows * width];
    for (int step = 0; step < steps; step++) {
      int t = op.reverse() ? steps - 1 - step : step;
      var previous = h.clone();
      for (int n = 0; n < rows; n++) {
        for (int j = 0; j < width; j++) {
          var fromInput = new double[3];
          var fromState = new double[3];
          for (int gate = 0; gate < 3; gate++) {
            int row = gate * width + j;
            fromInput[gate] =
                in.get(4).floats()[row] + dot(in.get(2), row, in.getFirst().floats(), t * rows + n);
            fromState[gate] = in.get(5).floats()[row] + dot(in.get(3), row, previous, n);
          }
          double reset = sigmoid(fromInput[0] + fromState[0]);
          double update = sigmoid(fromInput[1] + fromState[1]);
          double fresh = Math.tanh(fromInput[2] + reset * fromState[2]);
          int at = n * width + j;
          h[at] = (1 - update) * fresh + update * previous[at];
          ys[t * rows * width + at] = h[at];
        }
      }
    }
    return List.of(
        StrictKernels.rounded(types.getFirst(), ys), StrictKernels.rounded(types.get(1), h));
  }

  /** A row of a weight times a row of x. */
  private static double dot(Array weight, int row, double[] x, int xRow) {
    int depth = (int) weight.type().dim(1);
    double sum = 0;
    for (int k = 0; k < depth; k++) sum += weight.floats()[row * depth + k] * x[xRow * depth + k];
    return sum;
  }
}
