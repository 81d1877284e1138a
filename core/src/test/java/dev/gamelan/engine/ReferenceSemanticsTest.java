package dev.gamelan.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the design fixes and other engines correct for. */
class ReferenceSemanticsTest {
  private static final float NAN = Float.NaN;
  private static final float INF = Float.POSITIVE_INFINITY;

  @Test
  void maximaAndMinimaPropagateNan() {
    var x = Tensor.of(new float[] {1, NAN, 3});
    assertTrue(Float.isNaN(x.max().toFloat()));
    assertTrue(Float.isNaN(x.min().toFloat()));
    assertArrayEquals(
        new float[] {2, NAN, 3}, x.maximum(Tensor.of(new float[] {2, 2, 2})).toFloatArray());
    assertEquals(1, x.argMax(0).toLong());
    assertEquals(1, x.argMin(0).toLong());
  }

  @Test
  void comparisonsAreIeee() {
    var x = Tensor.of(new float[] {NAN, 0, -0f});
    assertArrayEquals(new long[] {0, 1, 1}, x.eq(0).toLongArray());
    assertArrayEquals(new long[] {1, 0, 0}, x.ne(0).toLongArray());
    assertArrayEquals(new long[] {0, 0, 0}, x.lt(x).toLongArray());
  }

  @Test
  void sortsAreStableAndPutNanLastEitherWay() {
    var keys = Tensor.of(new float[] {NAN, 2, -0f, 0, INF});
    var order = Tensors.range(DType.I32, 5);
    var up = Tensor.applyAll(new Primitive.Sort(0, false), List.of(keys, order)).get(1);
    var down = Tensor.applyAll(new Primitive.Sort(0, true), List.of(keys, order)).get(1);
    assertArrayEquals(new int[] {2, 3, 1, 4, 0}, up.toIntArray());
    assertArrayEquals(new int[] {4, 1, 2, 3, 0}, down.toIntArray());
  }

  @Test
  void integersWrapTruncateAndTakeTheDividendsSign() {
    var x = Tensor.of(new int[] {Integer.MAX_VALUE, -7, 7});
    assertArrayEquals(new int[] {Integer.MIN_VALUE, -6, 8}, x.add(1).toIntArray());
    assertArrayEquals(new int[] {-7 / 2, 7 / 2}, x.slice(0, 1, 3).div(2).toIntArray());
    assertArrayEquals(new int[] {-1, 1}, x.slice(0, 1, 3).rem(2).toIntArray());
    assertEquals(
        Integer.MIN_VALUE, Tensor.of(new int[] {Integer.MIN_VALUE}).div(-1).toIntArray()[0]);
  }

  @Test
  void floatsDivideByZeroAsIeeeSays() {
    var zero = Tensors.zeros(DType.F32, 3);
    assertArrayEquals(
        new float[] {INF, -INF, NAN}, Tensor.of(new float[] {1, -1, 0}).div(zero).toFloatArray());
  }

  @Test
  void reductionsOfNothingGiveTheIdentity() {
    var nothing = Tensors.zeros(DType.F32, 2, 0);
    assertArrayEquals(new float[] {0, 0}, nothing.sum(1).toFloatArray());
    assertArrayEquals(new float[] {1, 1}, nothing.prod(1).toFloatArray());
    assertArrayEquals(new float[] {-INF, -INF}, nothing.max(1).toFloatArray());
    var bytes = Tensors.zeros(DType.U8, 0);
    assertEquals(255, bytes.min().toLong());
    assertEquals(1, Tensors.zeros(DType.BOOL, 0).all().toLong());
  }

  @Test
  void sixteenBitSumsAccumulateWiderAndRoundOnce() {
    // In bf16 itself, 256 + 1 is 256 again and the sum would stop there.
    var ones = Tensors.ones(DType.BF16, 1000);
    assertEquals(1000, ones.sum().toFloat());
    var running =
        Tensor.apply(new Primitive.Cumulate(ReduceKind.SUM, 0, false, false), List.of(ones));
    assertEquals(1000, running.at(0, 999).toFloat());
  }

  @Test
  void floatsBecomeIntegersSaturating() {
    var x = Tensor.of(new float[] {300, -300, NAN, -1.9f});
    assertArrayEquals(new long[] {127, -128, 0, -1}, x.convert(DType.I8).toLongArray());
    assertArrayEquals(new long[] {255, 0, 0, 0}, x.convert(DType.U8).toLongArray());
  }

  @Test
  void elementaryFunctionsAreAccurateWhereNaiveOnesAreNot() {
    var small = Tensor.of(new float[] {1e-8f});
    assertEquals(1e-8f, small.expm1().toFloat(), 1e-15f);
    assertEquals(1e-8f, small.log1p().toFloat(), 1e-15f);
    assertEquals(1.1283792e-8f, small.erf().toFloat(), 1e-14f);
    var logits = Tensor.of(new float[] {1000, 1000});
    assertArrayEquals(new float[] {0.5f, 0.5f}, logits.softmax(0).toFloatArray());
  }

  @Test
  void anIndexOutsideIsAnErrorHere() {
    var x = Tensor.of(new float[] {1, 2});
    for (int index : new int[] {-1, 2}) {
      var outside = x.gather(0, Tensor.of(new int[] {index}));
      assertThrows(EngineException.class, outside::toFloatArray);
    }
  }

  @Test
  void tensorsTooLargeForTheHeapAreRefusedNotTried() {
    var huge = Tensors.zeros(DType.F32, 1L << 40);
    var error = assertThrows(OutOfMemoryException.class, () -> huge.sum().toFloat());
    assertTrue(error.getMessage().contains("4096.0 GiB"), error.getMessage());
  }
}
