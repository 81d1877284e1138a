package dev.gamelan.engine.reference;

import dev.gamelan.ir.FftKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;

/** The discrete Fourier transform by its definition, O(n²). */
final class Spectral {
  private Spectral() {}

  static Array fft(Array x, TensorType result, Primitive.Fft op) {
    int n = (int) op.length();
    boolean realIn = op.kind() == FftKind.REAL_FORWARD;
    boolean realOut = op.kind() == FftKind.REAL_INVERSE;
    boolean inverse = realOut || op.kind() == FftKind.INVERSE;
    var logicalIn = realIn ? x.type().shape() : withoutPairs(x.type().shape());
    var logicalOut = realOut ? result.shape() : withoutPairs(result.shape());
    var out = new double[Math.toIntExact(result.size())];
    var outLines = Lines.along(logicalOut, op.axis()).iterator();
    for (var line : Lines.along(logicalIn, op.axis())) {
      var outLine = outLines.next();
      for (int to = 0; to < outLine.length(); to++) {
        double real = 0;
        double imaginary = 0;
        for (int from = 0; from < n; from++) {
          boolean mirrored = from >= line.length();
          int at = line.at(mirrored ? n - from : from);
          double re = realIn ? x.floats()[at] : x.floats()[2 * at];
          double im = realIn ? 0 : x.floats()[2 * at + 1] * (mirrored ? -1 : 1);
          // A real signal's first and middle frequency are real: what else is there is ignored.
          if (realOut && (from == 0 || 2 * from == n)) im = 0;
          double angle = (inverse ? 2 : -2) * Math.PI * ((long) from * to % n) / n;
          real += re * Math.cos(angle) - im * Math.sin(angle);
          imaginary += re * Math.sin(angle) + im * Math.cos(angle);
        }
        double scale = inverse ? 1.0 / n : 1;
        int at = outLine.at(to);
        if (realOut) {
          out[at] = real * scale;
        } else {
          out[2 * at] = real * scale;
          out[2 * at + 1] = imaginary * scale;
        }
      }
    }
    return Array.rounding(result, out);
  }

  private static Shape withoutPairs(Shape shape) {
    return shape.range(0, shape.rank() - 1);
  }
}
