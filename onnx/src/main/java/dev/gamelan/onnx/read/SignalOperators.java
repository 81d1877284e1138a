package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.FftKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;

/** Spectra and what is used with them. Complex numbers are a last axis of two. */
final class SignalOperators {
  private SignalOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("DFT", Operator.one(SignalOperators::dft)),
        entry("STFT", Operator.one(SignalOperators::stft)),
        entry("HannWindow", window(x -> 0.5 - 0.5 * Math.cos(2 * x))),
        entry("HammingWindow", window(x -> 25.0 / 46 - 21.0 / 46 * Math.cos(2 * x))),
        entry("BlackmanWindow", window(x -> 0.42 - 0.5 * Math.cos(2 * x) + 0.08 * Math.cos(4 * x))),
        entry("MelWeightMatrix", SignalOperators::mel));
  }

  private static Value dft(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var dtype = x.type().dtype();
    boolean inverse = n.flag("inverse", false);
    boolean oneSided = n.flag("onesided", false);
    long given = n.opset() < 20 ? n.integer("axis", 1) : n.has(2) ? n.longAt(2) : -2;
    int axis = n.axis(given, x.shape());
    boolean complex = x.dim(-1) == 2;
    if (axis == x.rank() - 1 || (!complex && x.dim(-1) != 1)) {
      throw n.error("needs a last axis of 1 or 2 that is not transformed; got " + x.type());
    }
    long points = x.dim(axis);
    long length = n.has(1) ? n.longAt(1) : inverse && oneSided ? 2 * (points - 1) : points;
    var wide = dtype == DType.F64 ? x : g.convert(x, DType.F32);
    return g.convert(transform(g, wide, axis, length, inverse, oneSided), dtype);
  }

  private static Value transform(
      GraphBuilder g, Value x, int axis, long length, boolean inverse, boolean oneSided) {
    boolean complex = x.dim(-1) == 2;
    int last = x.rank() - 1;
    var z = complex ? x : g.concatenate(last, List.of(x, g.zerosLike(x)));
    if (inverse && oneSided) {
      var half = resized(g, z, axis, length / 2 + 1);
      var real = g.add(new Primitive.Fft(FftKind.REAL_INVERSE, axis, length), half);
      return g.reshape(real, real.shape().append(1));
    }
    if (oneSided && !complex) {
      var real = resized(g, g.reshape(x, x.shape().without(List.of(last))), axis, length);
      return g.add(new Primitive.Fft(FftKind.REAL_FORWARD, axis, length), real);
    }
    var sized = resized(g, z, axis, length);
    var kind = inverse ? FftKind.INVERSE : FftKind.FORWARD;
    var spectrum = g.add(new Primitive.Fft(kind, axis, length), sized);
    return oneSided ? g.slice(spectrum, axis, 0, length / 2 + 1) : spectrum;
  }

  /** Cut off, or with zeros at the end. */
  private static Value resized(GraphBuilder g, Value x, int axis, long size) {
    if (x.dim(axis) == size) return x;
    if (x.dim(axis) > size) return g.slice(x, axis, 0, size);
    var zeros = g.fill(x.type().with(x.shape().with(axis, size - x.dim(axis))), 0);
    return g.concatenate(axis, List.of(x, zeros));
  }

  private static Value stft(OpContext n) {
    var g = n.g;
    var signal = n.x(0).rank() == 2 ? g.reshape(n.x(0), n.x(0).shape().append(1)) : n.x(0);
    var dtype = signal.type().dtype();
    long step = n.longAt(1);
    long length = n.has(3) ? n.longAt(3) : n.has(2) ? n.type(2).dim(0) : 0;
    if (signal.rank() != 3 || step < 1 || length < 1 || length > signal.dim(1)) {
      throw n.error(
          "needs a signal [N, T, 1 or 2] and frames in it; got %s, a step of %d, %d points"
              .formatted(signal.type(), step, length));
    }
    long frames = (signal.dim(1) - length) / step + 1;
    // Each frame gathers its points.
    var starts = new long[n.length(Math.multiplyExact(frames, length))];
    for (int i = 0; i < starts.length; i++) starts[i] = i / length * step + i % length;
    var indices =
        n.value(new Operand.Known(Array.of(TensorType.of(DType.I64, frames, length), starts)));
    var framed = g.add(new Primitive.Gather(1), g.convert(signal, wide(dtype)), indices);
    if (n.has(2)) {
      var window = g.convert(n.x(2), wide(dtype));
      framed = g.mul(framed, g.broadcastInDim(window, framed.shape(), List.of(2)));
    }
    boolean oneSided = n.flag("onesided", true);
    return g.convert(transform(g, framed, 2, length, false, oneSided), dtype);
  }

  private static DType wide(DType dtype) {
    return dtype == DType.F64 ? DType.F64 : DType.F32;
  }

  /** Of π·i/N. */
  private static Operator window(DoubleUnaryOperator function) {
    return n -> {
      long size = n.longAt(0);
      long period = n.flag("periodic", true) ? size : size - 1;
      var elements = new double[n.length(size)];
      for (int i = 0; i < size; i++) elements[i] = function.applyAsDouble(Math.PI * i / period);
      return List.of(typed(n, elements, Shape.of(size)));
    };
  }

  private static Operand typed(OpContext n, double[] elements, Shape shape) {
    var known = new Operand.Known(Array.of(new TensorType(DType.F64, shape), elements));
    var dtype = n.dtype(n.integer("output_datatype", 1));
    return n.computed(n.g.convert(n.value(known), dtype));
  }

  /** Triangles over the bins of a spectrum, evenly spaced on the mel scale. */
  private static List<Operand> mel(OpContext n) {
    int bins = (int) n.longAt(0);
    long length = n.longAt(1);
    double rate = n.doubleAt(2);
    double low = toMel(n.doubleAt(3));
    double step = (toMel(n.doubleAt(4)) - low) / (bins + 2);
    int rows = (int) (length / 2 + 1);
    if (bins < 0 || bins > 1 << 16 || length < 0 || length > 1 << 20) {
      throw n.error("has %d bins for %d points".formatted(bins, length));
    }
    var edges = new ArrayList<Integer>();
    for (int i = 0; i < bins + 2; i++) {
      double hertz = 700 * Math.expm1((low + i * step) / 2595 * Math.log(10));
      edges.add((int) Math.floor((length + 1) * hertz / rate));
    }
    var weights = new double[n.length((long) rows * bins)];
    for (int bin = 0; bin < bins; bin++) {
      int left = edges.get(bin);
      int centre = edges.get(bin + 1);
      int right = edges.get(bin + 2);
      if (right > rows || left < 0) throw n.error("has edges outside of the spectrum");
      for (int row = left; row <= centre && row < rows; row++) {
        weights[row * bins + bin] = left == centre ? 1 : (double) (row - left) / (centre - left);
      }
      for (int row = centre; row < right; row++) {
        weights[row * bins + bin] = (double) (right - row) / (right - centre);
      }
    }
    return List.of(typed(n, weights, Shape.of(rows, bins)));
  }

  private static double toMel(double hertz) {
    return 2595 * Math.log1p(hertz / 700) / Math.log(10);
  }
}
