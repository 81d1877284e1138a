package dev.gamelan.onednn.kernel;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.onednn.code.Isa;
import java.util.function.BiFunction;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Against f64, over every 997th f32 there is (powers: 9973rd): each exponent of both signs, NaN and
 * infinities.
 */
class VectorMathTest {
  private record Function(
      String name,
      double ulps,
      double largest,
      DoubleUnaryOperator exact,
      BiFunction<KernelBuilder, Integer, Integer> instructions) {}

  private static Stream<Function> functions() {
    double all = Double.POSITIVE_INFINITY;
    return Stream.of(
        new Function("exp", 2, all, Math::exp, (k, x) -> new VectorMath(k).exp(x)),
        new Function("expm1", 3, all, Math::expm1, (k, x) -> new VectorMath(k).expm1(x)),
        new Function("log", 3, all, Math::log, (k, x) -> new VectorMath(k).log(x)),
        new Function("log1p", 4, all, Math::log1p, (k, x) -> new VectorMath(k).log1p(x)),
        new Function("tanh", 4, all, Math::tanh, (k, x) -> new VectorMath(k).tanh(x)),
        new Function(
            "logistic", 3, all, VectorMathTest::logistic, (k, x) -> new VectorMath(k).logistic(x)),
        new Function("erf", 3, all, VectorMathTest::erf, (k, x) -> new VectorMath(k).erf(x)),
        new Function("sin", 2, 0x1p17, Math::sin, (k, x) -> new VectorMath(k).sin(x)),
        new Function("cos", 2, 0x1p17, Math::cos, (k, x) -> new VectorMath(k).cos(x)));
  }

  private static Stream<Function> powers() {
    double infinity = Double.POSITIVE_INFINITY;
    double[] numbers = {
      0, -0.0, 1, -1, 2, 3, 0.5, -2.5, 1 / 3f, 17, -126, infinity, -infinity, 0 / 0.0
    };
    double[] bases = {2, 0.999999f, 1.000001f, 10, 0.3f, 1e-40f, -3, 3.4e38f};
    var ofAnyBase =
        DoubleStream.of(numbers)
            .mapToObj(
                y ->
                    new Function(
                        "x^" + y,
                        3,
                        infinity,
                        x -> pow(x, y),
                        (k, x) -> new VectorMath(k).pow(x, k.constant(y))));
    var toAny =
        DoubleStream.concat(DoubleStream.of(numbers), DoubleStream.of(bases))
            .mapToObj(
                x ->
                    new Function(
                        x + "^y",
                        3,
                        infinity,
                        y -> pow((float) x, y),
                        (k, y) -> new VectorMath(k).pow(k.constant(x), y)));
    return Stream.concat(ofAnyBase, toAny);
  }

  /** C's, which knows that 1 to anything is 1. */
  private static double pow(double x, double y) {
    if (x == 1 || (x == -1 && Double.isInfinite(y))) return 1;
    return Math.pow(x, y);
  }

  @TestFactory
  Stream<DynamicTest> functionsAreAccurateOverTheWholeRange() {
    return KernelRun.isas()
        .flatMap(
            isa ->
                Stream.concat(functions(), powers())
                    .map(f -> DynamicTest.dynamicTest(f.name + " " + isa, () -> check(f, isa))));
  }

  private static void check(Function f, Isa isa) {
    int step = f.name.contains("^") ? 9973 : 997;
    var x = new float[(int) ((1L << 32) / step) + 1];
    for (int i = 0; i < x.length; i++) x[i] = Float.intBitsToFloat((int) ((long) i * step));
    var y = KernelRun.map(isa, f.instructions, x);
    double worst = 0;
    String where = "";
    for (int i = 0; i < x.length; i++) {
      if (Math.abs(x[i]) > f.largest) continue;
      double want = f.exact.applyAsDouble(x[i]);
      double error = ulps(want, y[i]);
      if (!(error <= worst)) {
        worst = error;
        where = "f(%s) is %s, not %s".formatted(x[i], y[i], (float) want);
      }
    }
    assertTrue(worst <= f.ulps, "%.2f ulps: %s".formatted(worst, where));
  }

  private static double ulps(double want, float got) {
    float nearest = (float) want;
    if (Float.isNaN(nearest) || Float.isInfinite(nearest)) {
      // The last finite value is half an ulp from infinity.
      boolean same = Float.compare(nearest, got) == 0 || Math.abs(got) == Float.MAX_VALUE;
      return same ? 0 : Double.NaN;
    }
    if (Float.isInfinite(got) && Math.abs(nearest) == Float.MAX_VALUE) return 1;
    return Math.abs(want - got) / Math.ulp(nearest);
  }

  private static double logistic(double x) {
    return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
  }

  /** Kummer's series, and from 3 on the continued fraction of the complement. */
  private static double erf(double x) {
    if (Double.isNaN(x)) return x;
    double t = Math.abs(x);
    if (t > 6) return Math.signum(x);
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }
}
