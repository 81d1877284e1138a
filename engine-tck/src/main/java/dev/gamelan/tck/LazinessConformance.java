package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Device;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.Bucketing;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** The rules that keep laziness sound, each with a test that fails without it. */
public abstract class LazinessConformance extends TensorConformance {
  // ---- one context

  @Test
  void startedThreadsSeeNoContext() {
    on(
        () ->
            Mode.TRAINING.run(
                () -> {
                  assertEquals(Mode.TRAINING, Mode.current());
                  assertEquals(Mode.INFERENCE, inThread(Mode::current));
                }));
  }

  @Test
  void tensorsOfTwoDevicesDoNotMix() {
    var other = new Device(device().engine().equals("strict") ? "reference" : "strict", 0);
    on(
        () -> {
          var here = Tensor.of(new float[] {1});
          var there = Devices.use(other, () -> Tensor.of(new float[] {2}));
          var error = assertThrows(IllegalArgumentException.class, () -> here.add(there));
          assertTrue(messageOf(error).contains("copyTo"), messageOf(error));
          assertEquals(3, here.add(Tensors.copyTo(there, device())).toFloat());
        });
  }

  // ---- gradients are of a function

  @Test
  void whatWasMadeBeforeIsAConstant() {
    on(
        () -> {
          // y = x² was made before: d(x·y)/dx is y alone.
          var x = Tensor.of(new float[] {3});
          var y = x.square();
          var step = Gradients.compute(List.of(x), () -> x.mul(y).sum());
          assertArrayEquals(new float[] {9}, step.of(x).toFloatArray());
        });
  }

  @Test
  void anUnusedVariableIsAnErrorUnlessAllowed() {
    on(
        () -> {
          var x = Tensor.of(new float[] {3});
          var unused = Tensor.of(new float[] {1, 2});
          var error =
              assertThrows(
                  IllegalArgumentException.class,
                  () -> Gradients.compute(List.of(x, unused), () -> x.sum()));
          assertTrue(messageOf(error).contains("variable 1 (f32[2])"), messageOf(error));
          var step = Gradients.computeAllowingUnused(List.of(x, unused), () -> x.sum());
          assertArrayEquals(new float[] {0, 0}, step.of(unused).toFloatArray());
        });
  }

  @Test
  void integerVariablesAreRefused() {
    on(
        () -> {
          var x = Tensor.of(new int[] {3});
          var error =
              assertThrows(
                  IllegalArgumentException.class,
                  () -> Gradients.compute(List.of(x), () -> x.convert(DType.F32).sum()));
          assertTrue(messageOf(error).contains("i32[1]"), messageOf(error));
        });
  }

  @Test
  void readingInsideChangesNoGradient() {
    on(
        () -> {
          // d(Σ sin²)/dx = 2·sin·cos = sin 2x.
          var x = Tensor.of(new float[] {0.5f, 1});
          var step =
              Gradients.compute(
                  List.of(x),
                  () -> {
                    var y = x.sin();
                    assertEquals(Math.sin(0.5), y.toFloatArray()[0], 1e-6);
                    return y.square().sum();
                  });
          assertArrayEquals(
              new float[] {(float) Math.sin(1), (float) Math.sin(2)},
              step.of(x).toFloatArray(),
              1e-6f);
        });
  }

  @Test
  void fiveThousandNodesInsideChangeNoGradient() {
    on(
        () -> {
          // x + 1 + 1 + … has gradient 1; 6,000 additions pass the limit of lazy graphs.
          var x = Tensor.of(new float[] {2});
          var step =
              Gradients.compute(
                  List.of(x),
                  () -> {
                    var y = x;
                    for (int i = 0; i < 6000; i++) y = y.add(1);
                    return y.mul(x).sum();
                  });
          // d(x·(x + 6000))/dx = 2x + 6000.
          assertArrayEquals(new float[] {6004}, step.of(x).toFloatArray());
        });
  }

  @Test
  void anotherThreadsUseOfAVariableIsAnError() {
    on(
        () -> {
          var x = Tensor.of(new float[] {3});
          var error =
              assertThrows(
                  IllegalStateException.class,
                  () ->
                      Gradients.compute(
                          List.of(x),
                          () -> {
                            var elsewhere = inThread(() -> Devices.use(device(), () -> x.square()));
                            return x.mul(elsewhere).sum();
                          }));
          assertTrue(messageOf(error).contains("another thread"), messageOf(error));
        });
  }

  @Test
  void anotherThreadsUseOfAVariableIsAnErrorEvenOnceEvaluated() {
    on(
        () -> {
          var x = Tensor.of(new float[] {3});
          assertThrows(
              IllegalStateException.class,
              () ->
                  Gradients.compute(
                      List.of(x),
                      () -> {
                        var elsewhere =
                            inThread(
                                () ->
                                    Devices.use(
                                        device(), () -> x.square().evaluate().add(1).evaluate()));
                        return x.mul(elsewhere).sum();
                      }));
        });
  }

  @Test
  void anotherThreadsOwnTensorIsAConstant() {
    on(
        () -> {
          var x = Tensor.of(new float[] {3});
          var step =
              Gradients.compute(
                  List.of(x),
                  () -> {
                    var data =
                        inThread(
                            () -> Devices.use(device(), () -> Tensor.of(new float[] {4}).add(1)));
                    return x.mul(data).sum();
                  });
          assertArrayEquals(new float[] {5}, step.of(x).toFloatArray());
        });
  }

  @Test
  void forwardRunsOnceForLossGradientsAndAHeldIntermediate() {
    on(
        () -> {
          var x = Tensor.of(new float[] {1, 2});
          var held = new ArrayList<Tensor>();
          var step =
              Gradients.compute(
                  List.of(x),
                  () -> {
                    held.add(x.square());
                    return held.getFirst().sum();
                  });
          long before = runs();
          assertArrayEquals(new float[] {2, 4}, step.of(x).toFloatArray());
          assertEquals(5, step.loss().toFloat());
          assertArrayEquals(new float[] {1, 4}, held.getFirst().toFloatArray());
          assertEquals(before + 1, runs());
        });
  }

  @Test
  void aCheckpointedRegionHasTheSameGradientAndReplaysItsDraws() {
    on(
        () -> {
          var x = Tensor.of(new float[] {1, 2, 3, 4});
          Supplier<Tensor> region = () -> Tensors.uniform(DType.F32, 4).mul(x).sin();
          var plain =
              RandomKey.of(3).use(() -> Gradients.compute(List.of(x), () -> region.get().sum()));
          var checkpointed =
              RandomKey.of(3)
                  .use(
                      () ->
                          Gradients.compute(List.of(x), () -> Gradients.checkpoint(region).sum()));
          assertArrayEquals(plain.of(x).toFloatArray(), checkpointed.of(x).toFloatArray(), 1e-6f);
        });
  }

  // ---- composites of one's own

  /** x · sin x: no engine has heard of it. */
  public record Wobble() implements Composite {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      return inputs;
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = inputs.getFirst();
      return List.of(g.mul(x, g.unary(UnaryKind.SIN, x)));
    }
  }

  @Test
  void aCompositeOfOnesOwnRunsAndDifferentiates() {
    on(
        () -> {
          // d(x·sin x)/dx = sin x + x·cos x.
          var x = Tensor.of(new float[] {2});
          var step =
              Gradients.compute(List.of(x), () -> Tensor.apply(new Wobble(), List.of(x)).sum());
          assertEquals(2 * Math.sin(2), step.loss().toFloat(), 1e-5);
          assertEquals(Math.sin(2) + 2 * Math.cos(2), step.of(x).toFloat(), 1e-5);
        });
  }

  // ---- random numbers come from the context

  @Test
  void drawingWithoutAKeyIsAnError() {
    on(
        () -> {
          var error =
              assertThrows(IllegalStateException.class, () -> Tensors.uniform(DType.F32, 3));
          assertTrue(messageOf(error).contains("RandomKey.of(seed)"), messageOf(error));
        });
  }

  @Test
  void aSeedsKeyServesEveryDevice() {
    var key = RandomKey.of(9);
    var elsewhere =
        Devices.use("reference", () -> key.use(() -> Tensors.uniform(DType.F32, 4).toFloatArray()));
    on(
        () ->
            assertArrayEquals(
                elsewhere, key.use(() -> Tensors.uniform(DType.F32, 4).toFloatArray())));
  }

  @Test
  void drawsDifferAndAreRepeatable() {
    on(
        () -> {
          Supplier<List<float[]>> draw =
              () ->
                  RandomKey.of(7)
                      .use(
                          () ->
                              List.of(
                                  Tensors.uniform(DType.F32, 4).toFloatArray(),
                                  Tensors.uniform(DType.F32, 4).toFloatArray()));
          var once = draw.get();
          var again = draw.get();
          assertFalse(Arrays.equals(once.getFirst(), once.get(1)));
          assertArrayEquals(once.getFirst(), again.getFirst());
          assertArrayEquals(once.get(1), again.get(1));
        });
  }

  @Test
  void aScanDrawsAnewInEachIteration() {
    on(
        () -> {
          Supplier<float[]> rows =
              () ->
                  RandomKey.of(1)
                      .use(
                          () ->
                              Tensors.scan(
                                      List.of(),
                                      List.of(Tensors.range(DType.I32, 3)),
                                      (carry, slice) ->
                                          new Tensors.Step(
                                              List.of(), List.of(Tensors.uniform(DType.F32, 2))))
                                  .slices()
                                  .getFirst()
                                  .toFloatArray());
          var drawn = rows.get();
          assertNotEquals(drawn[0], drawn[2]);
          assertNotEquals(drawn[2], drawn[4]);
          assertArrayEquals(drawn, rows.get());
        });
  }

  // ---- varying numbers are inputs

  @Test
  void aNumberThatChangesEveryStepCompilesTwiceAtMost() {
    on(
        () -> {
          var x = Tensor.of(new float[] {1, 2, 3, 4, 5, 6, 7});
          long before = compiled();
          for (int i = 1; i <= 50; i++) {
            assertEquals(28f * i, x.mul(i).sum().toFloat(), 1e-3);
          }
          assertEquals(2, compiled() - before);
        });
  }

  @Test
  void aLearningRateThatChangesEveryStepCompilesOnce() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1, 2, 3}));
          var optimizer = new Sgd(List.of(w), 0.1);
          var step =
              CompiledFunction.of(
                  in -> {
                    var gradients =
                        Gradients.compute(List.of(w), () -> w.value().mul(in.getFirst()).sum());
                    optimizer.update(gradients);
                    return List.of(gradients.loss());
                  });
          var x = Tensor.of(new float[] {1, 1, 1});
          step.call(x);
          step.call(x);
          long compiled = compiled();
          for (int i = 0; i < 20; i++) {
            optimizer.setLearningRate(0.1 / (i + 1));
            step.call(x);
          }
          assertEquals(compiled, compiled());
          // 1 − 2·0.1 − Σ 0.1/(i+1).
          double expected = 1 - 0.2;
          for (int i = 0; i < 20; i++) expected -= 0.1 / (i + 1);
          assertEquals(expected, w.value().toFloatArray()[0], 1e-5);
        });
  }

  @Test
  void graphsThatDifferInTheirDataOnlyShareOneExecutable() {
    on(
        () -> {
          Tensor.of(new float[] {1, 2, 3}).tanh().cos().toFloatArray();
          long compiled = compiled();
          Tensor.of(new float[] {4, 5, 6}).tanh().cos().toFloatArray();
          assertEquals(compiled, compiled());
        });
  }

  @Test
  void bucketsLetManyLengthsShareAFewExecutables() {
    on(
        () -> {
          var buckets = Bucketing.powersOfTwo(4, 16);
          var sum =
              CompiledFunction.of(
                  in ->
                      List.of(
                          in.get(1)
                              .select(in.getFirst(), Tensors.zeros(in.getFirst().type()))
                              .sum()));
          for (int length = 1; length <= 16; length++) {
            var padded = buckets.pad(Tensors.ones(DType.F32, length), 0);
            assertEquals(length, sum.call(padded.value(), padded.mask()).getFirst().toFloat());
          }
          assertEquals(3, buckets.sizes().size());
          assertThrows(
              IllegalArgumentException.class, () -> buckets.pad(Tensors.ones(DType.F32, 17), 0));
        });
  }

  // ---- no recomputation, depth

  @Test
  void aThousandRoundsRunOneExecutableEach() {
    on(
        () -> {
          var s = Tensor.of(new float[] {1, 2});
          long before = runs();
          for (int i = 0; i < 1000; i++) {
            s = s.sin();
            s.sum().toFloat();
          }
          assertEquals(1000, runs() - before);
        });
  }

  @Test
  void graphsOfAnyDepthRun() {
    on(
        () -> {
          var x = Tensor.of(new float[] {0});
          for (int i = 0; i < 20_000; i++) x = x.add(1);
          assertEquals(20_000, x.toFloat());
        });
  }

  @Test
  void sharedNodesDoNotCountTwice() {
    on(
        () -> {
          // 2³⁰ paths, 30 nodes.
          var x = Tensor.of(new float[] {1});
          long before = runs();
          for (int i = 0; i < 30; i++) x = x.add(x);
          assertEquals(before, runs());
          assertEquals(0x1p30f, x.toFloat());
        });
  }
}
