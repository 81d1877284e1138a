package dev.gamelan.onednn.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.onednn.code.Isa;
import java.util.SplittableRandom;
import java.util.function.IntBinaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Against Java's division, over every 99,733rd dividend there is and those around powers of two.
 */
class IntegerDivisionTest {
  private interface Instructions {
    int apply(IntegerDivision division, int a, int b);
  }

  private record Function(String name, IntBinaryOperator exact, Instructions instructions) {}

  private static Stream<Function> functions() {
    return Stream.of(
        new Function("quotient", (a, b) -> a / b, (d, a, b) -> d.quotient(a, b, true)),
        new Function("remainder", (a, b) -> a % b, (d, a, b) -> d.remainder(a, b, true)),
        new Function(
            "unsigned quotient", Integer::divideUnsigned, (d, a, b) -> d.quotient(a, b, false)),
        new Function(
            "unsigned remainder",
            Integer::remainderUnsigned,
            (d, a, b) -> d.remainder(a, b, false)));
  }

  private static IntStream dividends() {
    return IntStream.concat(
        IntStream.range(0, (int) ((1L << 32) / 99_733)).map(i -> i * 99_733), around());
  }

  private static IntStream divisors() {
    return IntStream.concat(new SplittableRandom(3).ints(20), around()).filter(b -> b != 0);
  }

  private static IntStream around() {
    return IntStream.range(0, 32)
        .flatMap(bit -> IntStream.rangeClosed(-2, 2).map(i -> (1 << bit) + i))
        .flatMap(x -> IntStream.of(x, -x));
  }

  @TestFactory
  Stream<DynamicTest> isJavasDivision() {
    return KernelRun.isas()
        .flatMap(
            isa ->
                functions()
                    .map(f -> DynamicTest.dynamicTest(f.name + " " + isa, () -> check(f, isa))));
  }

  private static void check(Function f, Isa isa) {
    var a = dividends().toArray();
    for (int b : divisors().toArray()) {
      var results =
          KernelRun.mapBits(
              isa, (k, x) -> f.instructions.apply(new IntegerDivision(k), x, k.bits(b)), a);
      for (int i = 0; i < a.length; i++) {
        if (f.exact.applyAsInt(a[i], b) != results[i]) {
          assertEquals(
              f.exact.applyAsInt(a[i], b), results[i], "%s of %d by %d".formatted(f.name, a[i], b));
        }
      }
    }
  }
}
