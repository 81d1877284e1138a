package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Precision;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Contractions in bf16, and parameters that an engine may have packed. */
public abstract class PrecisionConformance extends TensorConformance {
  private static Tensor normal(long seed, long... dims) {
    return RandomKey.of(seed).use(() -> Tensors.normal(DType.F32, dims)).evaluate();
  }

  /** In bf16 1 + 2⁻⁸ is 1, so that the product is 3 instead of 3 + 3·2⁻⁸. */
  @Test
  void operandsAreRoundedAndTheSumIsNot() {
    onWithBf16(
        () -> {
          float eps = 1f / 256;
          var x = Tensor.of(new float[] {1 + eps, 1, 1 + eps}).reshape(1, 3);
          var w = Tensor.of(new float[] {1, 1 + eps, 1}).reshape(3, 1);
          assertEquals(3 + 3 * eps, x.matmul(w).toFloat());
          assertEquals(3, Precision.BF16.call(() -> x.matmul(w).toFloat()));
          // 256 + 1 + 1: in bf16 the sum would stay 256.
          var large = Tensor.of(new float[] {256, 1, 1}).reshape(1, 3);
          var ones = Tensor.of(new float[] {1, 1, 1}).reshape(3, 1);
          assertEquals(258, Precision.BF16.call(() -> large.matmul(ones).toFloat()));
        });
  }

  /** As large as an engine's fast paths need, in all three roles a weight can have. */
  @Test
  void aCompiledFunctionInBf16IsCloseToF32() {
    onWithBf16(
        () -> {
          var w = Parameter.of(normal(1, 96, 80));
          var v = Parameter.of(normal(2, 64, 96));
          UnaryOperator<Tensor> network =
              x -> x.matmul(w.value().transpose()).tanh().matmul(v.value().transpose());
          var compiled = CompiledFunction.ofUnary(network);
          var x = normal(3, 70, 80);
          var expected = compiled.apply(x).toFloatArray();
          for (int call = 0; call < 3; call++) {
            var actual = Precision.BF16.call(() -> compiled.apply(x)).toFloatArray();
            assertArrayEquals(expected, actual, 0.02f * largest(expected));
            assertNotEquals(0, distance(expected, actual));
          }
        });
  }

  @Test
  void aConvolutionInBf16IsCloseToF32() {
    onWithBf16(
        () -> {
          var filter = Parameter.of(normal(1, 48, 32, 3, 3));
          var window =
              new Window(List.of(1L, 1L), List.of(1L, 1L), List.of(1L, 1L), List.of(1L, 1L));
          var compiled =
              CompiledFunction.ofUnary(
                  x ->
                      Tensor.apply(
                              new Primitive.Convolution(window, 1, DType.F32),
                              List.of(x, filter.value()))
                          .relu());
          var x = normal(2, 1, 32, 14, 14);
          var expected = compiled.apply(x).toFloatArray();
          for (int call = 0; call < 2; call++) {
            var actual = Precision.BF16.call(() -> compiled.apply(x)).toFloatArray();
            assertArrayEquals(expected, actual, 0.02f * largest(expected));
          }
        });
  }

  /** A second function of the same parameter sees what was assigned, and so does the first. */
  @Test
  void aParameterThatIsAssignedIsUsedFromTheNextCallOn() {
    onAll(
        precision -> {
          var w = Parameter.of(normal(1, 96, 80));
          var byTranspose = CompiledFunction.ofUnary(x -> x.matmul(w.value().transpose()));
          var x = normal(3, 70, 80);
          byTranspose.apply(x).evaluate();
          var before = byTranspose.apply(x).toFloatArray();
          w.assign(w.value().mul(2));
          var after = byTranspose.apply(x).toFloatArray();
          for (int i = 0; i < after.length; i++) assertEquals(2 * before[i], after[i]);
        });
  }

  /** The same parameter as weights of a product and by itself. */
  @Test
  void aWeightThatIsAlsoReadByItself() {
    onAll(
        precision -> {
          var w = Parameter.of(normal(1, 80, 80));
          var function = CompiledFunction.ofUnary(x -> x.matmul(w.value()).add(w.value().mul(3)));
          var row = Tensors.range(DType.I32, 80);
          var x = row.reshape(80, 1).eq(row.reshape(1, 80)).convert(DType.F32).evaluate();
          // x is the identity: w, rounded to bf16 or not, and three times w.
          var rounded =
              w.value().convert(precision.equals(Precision.BF16) ? DType.BF16 : DType.F32);
          var expected = rounded.convert(DType.F32).add(w.value().mul(3)).toFloatArray();
          for (int call = 0; call < 3; call++) {
            assertArrayEquals(expected, function.apply(x).toFloatArray(), 1e-5f);
          }
        });
  }

  /** Weights that are the carry, a sequence, and the same in each iteration. */
  @Test
  void parametersInAllRolesOfAScan() {
    onAll(
        precision -> {
          var carry = Parameter.of(normal(1, 80, 80));
          var sequence = Parameter.of(normal(2, 3, 80, 80));
          var free = Parameter.of(normal(3, 80, 80));
          UnaryOperator<Tensor> inScan =
              x ->
                  Tensors.scan(
                          List.of(carry.value()),
                          List.of(sequence.value()),
                          (carries, slices) -> {
                            var y = x.matmul(carries.getFirst()).matmul(slices.getFirst());
                            return new Tensors.Step(
                                List.of(y.matmul(free.value()).tanh()), List.of());
                          })
                      .carries()
                      .getFirst();
          UnaryOperator<Tensor> unrolled =
              x -> {
                var y = carry.value();
                for (int i = 0; i < 3; i++) {
                  y = x.matmul(y).matmul(sequence.value().at(0, i)).matmul(free.value()).tanh();
                }
                return y;
              };
          var x = normal(4, 80, 80).mul(1e-3).evaluate();
          var expected = CompiledFunction.ofUnary(unrolled).apply(x).toFloatArray();
          var compiled = CompiledFunction.ofUnary(inScan);
          for (int call = 0; call < 2; call++) {
            assertArrayEquals(expected, compiled.apply(x).toFloatArray(), 1e-4f);
          }
        });
  }

  @Test
  void trainingInBf16KeepsParametersInF32() {
    onWithBf16(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1}).reshape(1, 1));
          var optimizer = new Sgd(List.of(w), 0x1p-12);
          var x = Tensor.of(new float[] {1}).reshape(1, 1);
          var step =
              CompiledFunction.of(
                  none -> {
                    var gradients = Gradients.compute(List.of(w), () -> x.matmul(w.value()).sum());
                    optimizer.update(gradients);
                    return List.of(gradients.loss());
                  });
          for (int i = 0; i < 8; i++) Precision.BF16.call(() -> step.call().getFirst().toFloat());
          // Each step takes 2⁻¹² of 1, which bf16 could not hold.
          assertEquals(1 - 8 * 0x1p-12f, w.value().toFloat());
        });
  }

  private void onAll(Consumer<Precision> body) {
    on(() -> body.accept(Precision.F32));
    onWithBf16(() -> Precision.BF16.run(() -> body.accept(Precision.BF16)));
  }

  /** An engine without bf16 says so instead. */
  private void onWithBf16(Runnable body) {
    if (Engines.get(device().engine()).dtypes(device()).contains(DType.BF16)) {
      on(body);
      return;
    }
    on(
        () -> {
          var x = normal(1, 2, 2);
          var refused =
              assertThrows(
                  EngineException.class,
                  () -> Precision.BF16.call(() -> x.matmul(x).toFloatArray()));
          assertTrue(messageOf(refused).contains("bf16"), messageOf(refused));
        });
  }

  private static float largest(float[] values) {
    float most = 0;
    for (float value : values) most = Math.max(most, Math.abs(value));
    return most;
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i]);
    return sum;
  }
}
