package dev.gamelan.tck;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Activation;
import dev.gamelan.ir.Attention;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.RandomOp;
import dev.gamelan.ir.Recurrent;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.StandardComposite;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.DoubleUnaryOperator;

/**
 * A kernel for each standard composite, written from its definition and not from its expansion, so
 * that the two check each other.
 */
final class StrictKernels {
  private StrictKernels() {}

  static List<Array> apply(StandardComposite op, List<Array> in) {
    var types = op.infer(in.stream().map(Array::type).toList());
    return switch (op) {
      case Activation a -> List.of(activation(a, in, types.getFirst()));
      case SoftmaxOp s -> List.of(softmax(s, in, types.getFirst()));
      case Normalization n -> normalization(n, in, types);
      case Attention a -> StrictAttention.apply(a, in, types);
      case RandomOp r -> List.of(StrictRandom.apply(r, in, types.getFirst()));
      case Recurrent r -> StrictRecurrent.apply(r, in, types);
      case TensorOp t -> tensorOp(t, in, types);
    };
  }

  /** Rounded to the dtype, once. */
  static Array rounded(TensorType type, double[] values) {
    var array = Array.zeros(type);
    var dtype = type.dtype();
    for (int i = 0; i < values.length; i++) {
      if (dtype.isFloat()) array.floats()[i] = dtype.format().round(values[i]);
      else array.integers()[i] = dtype.fromDouble(values[i]);
    }
    return array;
  }

  private static Array map(Array x, DoubleUnaryOperator function) {
    var values = new double[x.size()];
    for (int i = 0; i < values.length; i++) values[i] = function.applyAsDouble(value(x, i));
    return rounded(x.type(), values);
  }

  static double value(Array x, int i) {
    var dtype = x.type().dtype();
    return dtype.isFloat() ? x.floats()[i] : dtype.toDouble(x.integers()[i]);
  }

  static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  private static double gelu(double x, boolean tanh) {
    if (tanh) return x * sigmoid(2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x));
    return x * normalCdf(x);
  }

  /** Φ(x) by Simpson's rule on the density from 0, far below f32's rounding. */
  private static double normalCdf(double x) {
    double end = Math.min(Math.abs(x), 9);
    int steps = 2000;
    double h = end / steps;
    double sum = 1 + Math.exp(-end * end / 2);
    for (int i = 1; i < steps; i++) {
      sum += (i % 2 == 0 ? 2 : 4) * Math.exp(-(i * h) * (i * h) / 2);
    }
    double half = sum * h / 3 / Math.sqrt(2 * Math.PI);
    return x < 0 ? 0.5 - half : 0.5 + half;
  }

  private static Array activation(Activation op, List<Array> in, TensorType type) {
    var x = in.getFirst();
    return switch (op) {
      case Activation.Relu r ->
          x.type().dtype().isFloat()
              ? map(x, v -> Math.max(v, 0))
              : clamp(x, 0, Double.POSITIVE_INFINITY);
      case Activation.LeakyRelu r -> map(x, v -> v > 0 ? v : r.slope() * v);
      case Activation.Elu e -> map(x, v -> v > 0 ? v : e.alpha() * Math.expm1(v));
      case Activation.Clamp c -> clamp(x, c.low(), c.high());
      case Activation.Silu s -> map(x, v -> v * sigmoid(v));
      case Activation.Gelu g -> map(x, v -> gelu(v, g.tanh()));
      case Activation.Swiglu s -> {
        var values = new double[x.size()];
        for (int i = 0; i < values.length; i++) {
          double gate = x.floats()[i];
          values[i] = gate * sigmoid(gate) * in.get(1).floats()[i];
        }
        yield rounded(type, values);
      }
    };
  }

  private static Array clamp(Array x, double low, double high) {
    if (x.type().dtype().isFloat()) return map(x, v -> Math.min(Math.max(v, low), high));
    var dtype = x.type().dtype();
    var result = Array.zeros(x.type());
    long least = dtype.fromDouble(low);
    long most = dtype.fromDouble(high);
    for (int i = 0; i < result.size(); i++) {
      long value = x.integers()[i];
      if (dtype.toDouble(value) < low) value = least;
      if (dtype.toDouble(value) > high) value = most;
      result.integers()[i] = value;
    }
    return result;
  }

  /** Calls {@code body} with the places of each line along an axis. */
  private static void lines(TensorType type, int axis, Consumer<int[]> body) {
    int n = (int) type.dim(axis);
    int inner = (int) type.shape().range(axis + 1, type.rank()).size();
    int outer = (int) type.shape().range(0, axis).size();
    for (int o = 0; o < outer; o++) {
      for (int j = 0; j < inner; j++) {
        var places = new int[n];
        for (int i = 0; i < n; i++) places[i] = (o * n + i) * inner + j;
        body.accept(places);
      }
    }
  }

  private static double logSum(Array x, int[] places) {
    double max = Double.NEGATIVE_INFINITY;
    for (int at : places) max = Math.max(max, x.floats()[at]);
    if (Double.isInfinite(max)) return max;
    double sum = 0;
    for (int at : places) sum += Math.exp(x.floats()[at] - max);
    return max + Math.log(sum);
  }

  private static Array softmax(SoftmaxOp op, List<Array> in, TensorType type) {
    var x = in.getFirst();
    var y = new double[(int) type.size()];
    switch (op) {
      case SoftmaxOp.Softmax s ->
          lines(
              x.type(),
              s.axis(),
              places -> {
                double log = logSum(x, places);
                for (int at : places) y[at] = Math.exp(x.floats()[at] - log);
              });
      case SoftmaxOp.LogSoftmax s ->
          lines(
              x.type(),
              s.axis(),
              places -> {
                double log = logSum(x, places);
                for (int at : places) y[at] = x.floats()[at] - log;
              });
      case SoftmaxOp.SoftmaxGradient s ->
          lines(
              x.type(),
              s.axis(),
              places -> {
                var d = in.get(1).floats();
                double dot = 0;
                for (int at : places) dot += d[at] * x.floats()[at];
                for (int at : places) y[at] = x.floats()[at] * (d[at] - dot);
              });
      case SoftmaxOp.Logsumexp s -> {
        var next = new int[1];
        lines(x.type(), s.axis(), places -> y[next[0]++] = logSum(x, places));
      }
      case SoftmaxOp.CrossEntropy c -> {
        var next = new int[1];
        lines(
            x.type(),
            x.type().rank() - 1,
            places -> {
              int row = next[0]++;
              int label = (int) in.get(1).integers()[row];
              y[row] = logSum(x, places) - x.floats()[places[label]];
            });
      }
    }
    return rounded(type, y);
  }

  private static List<Array> normalization(
      Normalization op, List<Array> in, List<TensorType> types) {
    var x = in.getFirst();
    return switch (op) {
      case Normalization.LayerNorm n -> {
        int width = in.get(1).size();
        yield List.of(
            standardized(x, x.size() / Math.max(width, 1), width, n.epsilon(), in, (row, i) -> i));
      }
      case Normalization.LayerNormGradient n -> layerNormGradient(n, in, types);
      case Normalization.RmsNorm n -> {
        int width = in.get(1).size();
        var y = new double[x.size()];
        for (int row = 0; row < y.length / width; row++) {
          double square = 0;
          for (int i = 0; i < width; i++) square += Math.pow(x.floats()[row * width + i], 2);
          double scale = 1 / Math.sqrt(square / width + n.epsilon());
          for (int i = 0; i < width; i++) {
            int at = row * width + i;
            y[at] = x.floats()[at] * scale * in.get(1).floats()[i];
          }
        }
        yield List.of(rounded(x.type(), y));
      }
      case Normalization.GroupNorm n -> {
        int rows = (int) (x.type().dim(0) * n.groups());
        int width = x.size() / rows;
        int area = x.size() / (int) (x.type().dim(0) * x.type().dim(1));
        int channels = (int) x.type().dim(1);
        yield List.of(
            standardized(
                x, rows, width, n.epsilon(), in, (row, i) -> (row * width + i) / area % channels));
      }
      case Normalization.BatchNormTraining n -> batchNorm(x, in, types, n.epsilon());
      case Normalization.BatchNormInference n -> {
        int channels = (int) x.type().dim(1);
        int area = x.size() / (int) (x.type().dim(0) * channels);
        var y = new double[x.size()];
        for (int i = 0; i < y.length; i++) {
          int c = i / area % channels;
          double deviation = Math.sqrt(in.get(4).floats()[c] + n.epsilon());
          y[i] =
              (x.floats()[i] - in.get(3).floats()[c]) / deviation * in.get(1).floats()[c]
                  + in.get(2).floats()[c];
        }
        yield List.of(rounded(x.type(), y));
      }
    };
  }

  @FunctionalInterface
  private interface ScaleIndex {
    int of(int row, int i);
  }

  /** Rows of mean 0 and variance 1, then scale (operand 1) and shift (operand 2). */
  private static Array standardized(
      Array x, int rows, int width, double epsilon, List<Array> in, ScaleIndex index) {
    var y = new double[x.size()];
    for (int row = 0; row < rows; row++) {
      double mean = 0;
      for (int i = 0; i < width; i++) mean += x.floats()[row * width + i] / width;
      double variance = 0;
      for (int i = 0; i < width; i++) {
        variance += Math.pow(x.floats()[row * width + i] - mean, 2) / width;
      }
      for (int i = 0; i < width; i++) {
        int at = row * width + i;
        int s = index.of(row, i);
        double standard = (x.floats()[at] - mean) / Math.sqrt(variance + epsilon);
        y[at] = standard * in.get(1).floats()[s] + in.get(2).floats()[s];
      }
    }
    return rounded(x.type(), y);
  }

  /** With the Jacobian of a row written out: (δᵢⱼ − 1/n − yᵢyⱼ/n) / σ. */
  private static List<Array> layerNormGradient(
      Normalization.LayerNormGradient op, List<Array> in, List<TensorType> types) {
    var x = in.getFirst().floats();
    var scale = in.get(1).floats();
    var d = in.get(2).floats();
    int width = scale.length;
    var dx = new double[x.length];
    var dScale = new double[width];
    var dShift = new double[width];
    for (int row = 0; row < x.length / width; row++) {
      double mean = 0;
      double variance = 0;
      for (int i = 0; i < width; i++) mean += x[row * width + i] / width;
      for (int i = 0; i < width; i++) variance += Math.pow(x[row * width + i] - mean, 2) / width;
      double deviation = Math.sqrt(variance + op.epsilon());
      for (int i = 0; i < width; i++) {
        double yi = (x[row * width + i] - mean) / deviation;
        dScale[i] += d[row * width + i] * yi;
        dShift[i] += d[row * width + i];
        for (int j = 0; j < width; j++) {
          double yj = (x[row * width + j] - mean) / deviation;
          double jacobian = ((i == j ? 1 : 0) - (1 + yi * yj) / width) / deviation;
          dx[row * width + i] += jacobian * d[row * width + j] * scale[j];
        }
      }
    }
    return List.of(
        rounded(types.getFirst(), dx),
        rounded(types.get(1), dScale),
        rounded(types.get(2), dShift));
  }

  private static List<Array> batchNorm(
      Array x, List<Array> in, List<TensorType> types, double epsilon) {
    int channels = (int) x.type().dim(1);
    int area = x.size() / (int) (x.type().dim(0) * channels);
    int count = x.size() / channels;
    var mean = new double[channels];
    var variance = new double[channels];
    for (int i = 0; i < x.size(); i++) mean[i / area % channels] += x.floats()[i] / count;
    for (int i = 0; i < x.size(); i++) {
      int c = i / area % channels;
      variance[c] += Math.pow(x.floats()[i] - mean[c], 2) / count;
    }
    var y = new double[x.size()];
    for (int i = 0; i < y.length; i++) {
      int c = i / area % channels;
      y[i] =
          (x.floats()[i] - mean[c]) / Math.sqrt(variance[c] + epsilon) * in.get(1).floats()[c]
              + in.get(2).floats()[c];
    }
    return List.of(
        rounded(types.getFirst(), y), rounded(types.get(1), mean), rounded(types.get(2), variance));
  }

  private static List<Array> tensorOp(TensorOp op, List<Array> in, List<TensorType> types) {
    var x = in.isEmpty() ? Array.zeros(TensorType.of(DType.F32)) : in.getFirst();
    var type = types.getFirst();
    return switch (op) {
      case TensorOp.StopGradient s -> in;
      case TensorOp.OneHot o -> {
        var y = new double[(int) type.size()];
        for (int i = 0; i < x.size(); i++) {
          long label = x.integers()[i];
          if (label >= 0 && label < o.classes()) y[(int) (i * o.classes() + label)] = 1;
        }
        yield List.of(rounded(type, y));
      }
      case TensorOp.Linear l -> List.of(linear(l, in, type));
      case TensorOp.QuantizedMatmul q -> List.of(quantized(q, in, type));
      case TensorOp.DynamicQuantizedMatmul q -> List.of(dynamicQuantized(in, type));
      case TensorOp.AdamwStep a -> adamw(a, in, types);
      case TensorOp.Resize r -> List.of(StrictResize.apply(r, x, type));
    };
  }

  private static Array linear(TensorOp.Linear op, List<Array> in, TensorType type) {
    int depth = (int) in.get(1).type().dim(1);
    int outputs = (int) in.get(1).type().dim(0);
    var y = new double[(int) type.size()];
    for (int i = 0; i < y.length; i++) {
      double sum = in.size() == 3 ? in.get(2).floats()[i % outputs] : 0;
      for (int k = 0; k < depth; k++) {
        sum +=
            in.getFirst().floats()[i / outputs * depth + k]
                * in.get(1).floats()[i % outputs * depth + k];
      }
      y[i] =
          switch (op.activation()) {
            case NONE -> sum;
            case RELU -> Math.max(sum, 0);
            case GELU -> gelu(sum, false);
            case GELU_TANH -> gelu(sum, true);
            case SILU -> sum * sigmoid(sum);
          };
    }
    return rounded(type, y);
  }

  private static Array dynamicQuantized(List<Array> in, TensorType type) {
    int depth = (int) in.get(1).type().dim(1);
    int outputs = (int) in.get(1).type().dim(0);
    boolean wide = type.dtype() == DType.F64;
    var y = new double[(int) type.size()];
    for (int i = 0; i < y.length; i++) {
      int row = i / outputs * depth;
      double largest = 0;
      for (int k = 0; k < depth; k++) {
        largest = Math.max(largest, Math.abs(in.getFirst().floats()[row + k]));
      }
      // Which way a multiple rounds depends on the last bit of the step.
      double step = wide ? largest * (1.0 / 127) : (float) largest * (float) (1.0 / 127);
      long sum = 0;
      for (int k = 0; k < depth; k++) {
        double x = in.getFirst().floats()[row + k];
        double multiple = wide ? x / step : (float) x / (float) step;
        sum += (long) Math.rint(multiple) * in.get(1).integers()[i % outputs * depth + k];
      }
      y[i] = sum * step * in.get(2).floats()[i % outputs];
    }
    return rounded(type, y);
  }

  private static Array quantized(TensorOp.QuantizedMatmul op, List<Array> in, TensorType type) {
    int depth = (int) in.get(1).type().dim(1);
    int outputs = (int) in.get(1).type().dim(0);
    int group = (int) op.group();
    var y = new double[(int) type.size()];
    for (int i = 0; i < y.length; i++) {
      for (int k = 0; k < depth; k++) {
        int place = i % outputs * depth + k;
        int scale = place / group;
        double zero = in.size() == 4 ? in.get(3).floats()[scale] : 0;
        double weight = (in.get(1).integers()[place] - zero) * in.get(2).floats()[scale];
        y[i] += in.getFirst().floats()[i / outputs * depth + k] * weight;
      }
    }
    return rounded(type, y);
  }

  private static List<Array> adamw(TensorOp.AdamwStep op, List<Array> in, List<TensorType> types) {
    int size = in.getFirst().size();
    var results = List.of(new double[size], new double[size], new double[size]);
    double rate = in.get(4).floats()[0];
    double step = in.get(5).floats()[0];
    for (int i = 0; i < size; i++) {
      double gradient = in.get(1).floats()[i];
      double m = op.beta1() * in.get(2).floats()[i] + (1 - op.beta1()) * gradient;
      double v = op.beta2() * in.get(3).floats()[i] + (1 - op.beta2()) * gradient * gradient;
      double unbiasedM = m / (1 - Math.pow(op.beta1(), step));
      double unbiasedV = v / (1 - Math.pow(op.beta2(), step));
      double p = in.getFirst().floats()[i];
      results.getFirst()[i] =
          p
              - rate * op.weightDecay() * p
              - rate * unbiasedM / (Math.sqrt(unbiasedV) + op.epsilon());
      results.get(1)[i] = m;
      results.get(2)[i] = v;
    }
    var arrays = new ArrayList<Array>();
    for (int i = 0; i < 3; i++) arrays.add(rounded(types.get(i), results.get(i)));
    return arrays;
  }
}
