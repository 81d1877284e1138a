package dev.gamelan.type;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FloatFormatTest {
  static Stream<DType> narrow() {
    return Arrays.stream(DType.values()).filter(d -> d.isFloat() && d.bits() <= 16);
  }

  @ParameterizedTest
  @MethodSource("narrow")
  void everyBitPatternSurvivesDecodingAndEncoding(DType dtype) {
    var format = dtype.format();
    for (long bits = 0; bits < 1L << dtype.bits(); bits++) {
      double value = format.decode(bits);
      if (Double.isNaN(value)) continue;
      assertEquals(bits, format.encode(value), () -> dtype + " of " + value);
    }
  }

  @ParameterizedTest
  @MethodSource("narrow")
  void whatLiesBetweenTwoNeighboursGoesToTheNearer(DType dtype) {
    var format = dtype.format();
    for (long bits = 0; bits < (1L << (dtype.bits() - 1)) - 1; bits++) {
      double low = format.decode(bits);
      double high = format.decode(bits + 1);
      if (!Double.isFinite(low) || !Double.isFinite(high) || low >= high) continue;
      assertEquals(bits, format.encode(low + (high - low) * 0.49));
      assertEquals(bits + 1, format.encode(low + (high - low) * 0.51));
    }
  }

  @Test
  void halfPrecisionIsTheJdks() {
    for (int bits = 0; bits < 1 << 16; bits++) {
      float value = Float.float16ToFloat((short) bits);
      if (!Float.isNaN(value)) assertEquals(value, (float) FloatFormat.F16.decode(bits));
    }
    for (float f : new float[] {65519, 65520, 1e-8f, 6e-8f, 0.1f, -2.00049f}) {
      assertEquals(Float.floatToFloat16(f) & 0xffff, FloatFormat.F16.encode(f));
    }
  }

  @Test
  void tiesGoToTheEvenNeighbour() {
    // bf16 has 7 mantissa bits: between 1 and 1 + 2⁻⁷ lies 1 + 2⁻⁸; 1 is even.
    assertEquals(1, FloatFormat.BF16.round(1 + 0x1p-8));
    assertEquals(1 + 0x1p-6, FloatFormat.BF16.round(1 + 0x1p-7 + 0x1p-8));
  }

  @Test
  void whatIsTooLargeOverflowsOrSaturatesAsAsked() {
    assertEquals(Double.POSITIVE_INFINITY, FloatFormat.F16.round(70_000));
    assertEquals(65504, FloatFormat.F16.decode(FloatFormat.F16.encodeSaturating(70_000)));
    assertEquals(Double.NaN, FloatFormat.F8E4M3FN.round(500));
    assertEquals(448, FloatFormat.F8E4M3FN.decode(FloatFormat.F8E4M3FN.encodeSaturating(500)));
    assertEquals(6, FloatFormat.F4E2M1.round(100));
  }

  @Test
  void floatsBecomeIntegersSaturatingAndNanBecomesZero() {
    assertEquals(127, DType.I8.fromDouble(300));
    assertEquals(-128, DType.I8.fromDouble(-300));
    assertEquals(0, DType.U8.fromDouble(-1));
    assertEquals(0, DType.I32.fromDouble(Double.NaN));
    assertEquals(Long.MIN_VALUE, DType.U64.fromDouble(0x1p63));
    assertEquals(-1, DType.U64.fromDouble(1e30));
  }

  @Test
  void integersWrap() {
    assertEquals(-128, DType.I8.wrap(128));
    assertEquals(255, DType.U8.wrap(-1));
    assertEquals(-8, DType.I4.wrap(8));
    assertEquals(3, DType.U2.wrap(7));
  }
}
