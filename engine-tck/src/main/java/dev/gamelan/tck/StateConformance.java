package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.OutOfMemoryException;
import dev.gamelan.ir.Primitive;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Scope;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/**
 * Parameters, traces, donation and scopes: the rules of what changes and of who may still see it.
 */
public abstract class StateConformance extends TensorConformance {
  // ---- state is explicit

  /** Whether an index out of range is an error; else it is clamped. */
  protected boolean checksIndices() {
    return true;
  }

  @Test
  void aHandWrittenLoopCompilesOnceAndRunsOneExecutableAStep() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1, 2}));
          var optimizer = new Sgd(List.of(w), 0.1, Sgd.Options.DEFAULT.withMomentum(0.9));
          var x = Tensor.of(new float[] {1, -1});
          Supplier<Float> step =
              () -> {
                var gradients =
                    Gradients.compute(List.of(w), () -> w.value().mul(x).square().sum());
                optimizer.update(gradients);
                return gradients.loss().toFloat();
              };
          float first = step.get();
          assertTrue(step.get() < first);
          long compiled = compiled();
          long runs = runs();
          float last = first;
          for (int i = 0; i < 20; i++) last = step.get();
          assertEquals(compiled, compiled());
          assertEquals(runs + 20, runs());
          assertTrue(last < first);
        });
  }

  @Test
  void anotherThreadReadsAnAssignedValue() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1}));
          w.assign(w.value().add(41));
          assertEquals(42, inThread(() -> w.value().toFloat()));
          assertEquals(42, w.value().toFloat());
        });
  }

  @Test
  void noGradientFlowsThroughAnAssignment() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {3}));
          var step =
              Gradients.compute(
                  List.of(w),
                  () -> {
                    var y = w.value().square();
                    w.assign(y);
                    return y.add(w.value()).sum();
                  });
          // d(w²)/dw = 6; the assigned w² is a constant.
          assertArrayEquals(new float[] {6}, step.of(w).toFloatArray());
          assertEquals(9, w.value().toFloat());
        });
  }

  @Test
  void assignmentsInATraceCommitInProgramOrder() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1}));
          var f =
              CompiledFunction.of(
                  in -> {
                    w.assign(w.value().add(1));
                    w.assign(w.value().mul(10));
                    return List.of(w.value());
                  });
          assertEquals(20, f.call().getFirst().toFloat());
          assertEquals(210, f.call().getFirst().toFloat());
          assertEquals(210, w.value().toFloat());
        });
  }

  @Test
  void assigningInABodyIsAnError() {
    on(
        () -> {
          var w = Parameter.of(Tensor.scalar(1));
          var error =
              assertThrows(
                  IllegalStateException.class,
                  () ->
                      Tensors.scan(
                          List.of(Tensor.scalar(0)),
                          List.of(Tensor.of(new float[] {1, 2})),
                          (carry, slice) -> {
                            w.assign(slice.getFirst());
                            return new Tensors.Step(carry, List.of());
                          }));
          assertTrue(messageOf(error).contains("carry"), messageOf(error));
        });
  }

  // ---- a trace sees state, not fields

  @Test
  void readingATracedValueNamesTheLineAndTheRemedy() {
    on(
        () -> {
          var f = CompiledFunction.of(in -> in.getFirst().toFloat() > 0 ? in : List.of());
          var error =
              assertThrows(IllegalStateException.class, () -> f.call(Tensor.of(new float[] {1})));
          assertTrue(messageOf(error).contains("StateConformance.java:"), messageOf(error));
          assertTrue(messageOf(error).contains("select"), messageOf(error));
        });
  }

  @Test
  void aTracedValueCantBeUsedAfterItsTrace() {
    on(
        () -> {
          var leaked = new ArrayList<Tensor>();
          var f =
              CompiledFunction.of(
                  in -> {
                    leaked.add(in.getFirst().add(1));
                    return in;
                  });
          f.call(Tensor.of(new float[] {1}));
          var error =
              assertThrows(IllegalStateException.class, () -> leaked.getFirst().toFloatArray());
          assertTrue(messageOf(error).contains("traced value"), messageOf(error));
        });
  }

  @Test
  void aChangedNumberIsFoundAtTheSecondCallWithItsLine() {
    on(
        () -> {
          var factor = new float[] {2};
          var f = CompiledFunction.of(in -> List.of(in.getFirst().mul(factor[0])));
          var x = Tensor.of(new float[] {1});
          f.call(x);
          factor[0] = 3;
          var error = assertThrows(IllegalStateException.class, () -> f.call(x));
          assertTrue(messageOf(error).contains("fill"), messageOf(error));
          assertTrue(messageOf(error).contains("StateConformance.java:"), messageOf(error));
        });
  }

  @Test
  void whatCantBeCompiledFailsAlikeAtEveryCall() {
    on(
        () -> {
          var unknown = new Primitive.CustomCall("warp", "", List.of(TensorType.of(DType.F32)));
          var f = CompiledFunction.of(in -> List.of(Tensor.apply(unknown, in)));
          for (int i = 0; i < 3; i++) {
            var error = assertThrows(EngineException.class, () -> f.call(Tensor.scalar(1)));
            assertTrue(messageOf(error).contains("custom_call 'warp'"), messageOf(error));
          }
        });
  }

  /** In gradients and in the body of a loop, as in the trace itself: d/dw Σ w·(1, 2)·3 = (3, 6). */
  @Test
  void hostDataMadeAnywhereInATraceIsMadeAnewByEachTrace() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1, 1}));
          var f =
              CompiledFunction.of(
                  in -> {
                    var gradients =
                        Gradients.compute(
                            List.of(w),
                            () ->
                                Tensors.scan(
                                        List.of(Tensors.zeros(DType.F32, 2)),
                                        List.of(Tensors.range(DType.F32, 3)),
                                        (carry, slice) -> {
                                          var made = Tensor.of(new float[] {1, 2});
                                          var next = carry.getFirst().add(w.value().mul(made));
                                          return new Tensors.Step(List.of(next), List.of());
                                        })
                                    .carries()
                                    .getFirst()
                                    .mul(Tensor.of(new float[] {1, 1}))
                                    .sum());
                    return List.of(gradients.of(w));
                  });
          for (int call = 0; call < 3; call++) {
            assertArrayEquals(new float[] {3, 6}, f.call().getFirst().toFloatArray());
          }
        });
  }

  @Test
  void hostDataMadeInATraceIsComparedByContent() {
    on(
        () -> {
          var content = new float[] {1, 2};
          var f = CompiledFunction.of(in -> List.of(in.getFirst().add(Tensor.of(content))));
          var x = Tensor.of(new float[] {1, 1});
          assertArrayEquals(new float[] {2, 3}, f.call(x).getFirst().toFloatArray());
          assertArrayEquals(new float[] {2, 3}, f.call(x).getFirst().toFloatArray());
          var changing = CompiledFunction.of(in -> List.of(in.getFirst().add(Tensor.of(content))));
          changing.call(x);
          content[1] = 7;
          assertThrows(IllegalStateException.class, () -> changing.call(x));
        });
  }

  @Test
  void aReplacedCaptureIsAnError() {
    on(
        () -> {
          var field = new ArrayList<>(List.of(Tensor.of(new float[] {1})));
          var f = CompiledFunction.of(in -> List.of(in.getFirst().add(field.getFirst())));
          var x = Tensor.of(new float[] {1});
          f.call(x);
          field.set(0, Tensor.of(new float[] {1}));
          assertThrows(IllegalStateException.class, () -> f.call(x));
        });
  }

  @Test
  void capturedLazyTensorsAreEvaluatedOnce() {
    on(
        () -> {
          var lazy = Tensor.of(new float[] {1}).add(1);
          var f = CompiledFunction.of(in -> List.of(in.getFirst().mul(lazy)));
          var x = Tensor.of(new float[] {5});
          assertEquals(10, f.call(x).getFirst().toFloat());
          assertEquals(10, f.call(x).getFirst().toFloat());
          assertEquals(10, f.call(x).getFirst().toFloat());
        });
  }

  // ---- donation never kills a handle

  @Test
  void aHandleOutlivesUpdatesInPlace() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1, 2}));
          var step =
              CompiledFunction.of(
                  in -> {
                    w.assign(w.value().add(1));
                    return List.of();
                  });
          step.call();
          step.call();
          var handle = w.value();
          var lazy = w.value().mul(10);
          for (int i = 0; i < 5; i++) step.call();
          assertArrayEquals(new float[] {3, 4}, handle.toFloatArray());
          assertArrayEquals(new float[] {30, 40}, lazy.toFloatArray());
          assertArrayEquals(new float[] {8, 9}, w.value().toFloatArray());
        });
  }

  @Test
  void aHandleOnWhatAnotherThreadAssignedOutlivesUpdatesInPlace() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1}));
          var step =
              CompiledFunction.of(
                  in -> {
                    w.assign(w.value().add(1));
                    return List.of();
                  });
          step.call();
          step.call();
          var assigned =
              inThread(
                  () ->
                      Devices.use(
                          device(),
                          () -> {
                            var lazy = Tensor.of(new float[] {20}).mul(2);
                            w.assign(lazy);
                            return lazy;
                          }));
          step.call();
          step.call();
          assertArrayEquals(new float[] {40}, assigned.toFloatArray());
          assertArrayEquals(new float[] {42}, w.value().toFloatArray());
        });
  }

  @Test
  void runningOutOfMemoryNamesWhatFillsItAndLeavesStateUntouched() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1, 2}));
          var step =
              CompiledFunction.of(
                  in -> {
                    w.assign(w.value().add(in.getFirst().sum()));
                    return List.of(in.getFirst().add(1));
                  });
          var x = Tensors.ones(DType.F32, 1 << 16).evaluate();
          step.call(x);
          step.call(x);
          var before = w.value().toFloatArray();
          var budget = Engines.budget(device());
          long limit = budget.limit();
          budget.setLimit(x.type().bytes() + 1000);
          try {
            var error = assertThrows(OutOfMemoryException.class, () -> step.call(x));
            assertTrue(messageOf(error).contains("f32[65536]"), messageOf(error));
          } finally {
            budget.setLimit(limit);
          }
          assertArrayEquals(before, w.value().toFloatArray());
          step.call(x);
          assertEquals(before[0] + (1 << 16), w.value().toFloatArray()[0]);
        });
  }

  @Test
  void stateThatAFailedStepMayHaveOverwrittenIsAnErrorUntilItIsAssigned() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1, 2}));
          var step =
              CompiledFunction.of(
                  in -> {
                    w.assign(w.value().add(w.value().gather(0, in.getFirst())));
                    return List.of();
                  });
          step.call(Tensor.of(new int[] {0, 1}));
          step.call(Tensor.of(new int[] {0, 1}));
          if (!checksIndices()) {
            step.call(Tensor.of(new int[] {0, 9})); // Clamped: three doublings in all.
            assertArrayEquals(new float[] {8, 16}, w.value().toFloatArray());
            return;
          }
          try {
            step.call(Tensor.of(new int[] {0, 9}));
          } catch (EngineException failedAtOnce) {
            assertTrue(messageOf(failedAtOnce).contains("index"));
          }
          assertThrows(RuntimeException.class, () -> w.value().toFloatArray());
          w.assign(Tensor.of(new float[] {3, 4}));
          step.call(Tensor.of(new int[] {0, 1}));
          assertArrayEquals(new float[] {6, 8}, w.value().toFloatArray());
        });
  }

  @Test
  void anUpdateInPlaceNeedsNoRoomForASecondCopy() {
    on(
        () -> {
          var w = Parameter.of(Tensors.zeros(DType.F32, 1 << 18));
          var step =
              CompiledFunction.of(
                  in -> {
                    // Rows of a cache, as attention writes them: nothing else is of its size.
                    var at =
                        Tensor.applyAll(
                            new Primitive.DynamicUpdateSlice(),
                            List.of(w.value(), in.getFirst(), in.get(1)));
                    w.assign(at.getFirst());
                    return List.of();
                  });
          var row = Tensor.of(new float[] {1, 2});
          step.call(row, Tensors.zeros(DType.I32));
          step.call(row, Tensors.zeros(DType.I32));
          var budget = Engines.budget(device());
          long limit = budget.limit();
          System.gc();
          budget.setLimit(w.type().bytes() + (64 << 10));
          try {
            for (int i = 0; i < 3; i++) {
              step.call(row, Tensors.full(TensorType.of(DType.I32), 2 * i));
            }
          } finally {
            budget.setLimit(limit);
          }
          assertArrayEquals(
              new float[] {1, 2, 1, 2, 1, 2, 0}, w.value().slice(0, 0, 7).toFloatArray());
        });
  }

  // ---- scope

  @Test
  void aScopeFreesAllButWhatItReturns() {
    on(
        () -> {
          var budget = Engines.budget(device());
          var leaked = new ArrayList<Tensor>();
          long before = budget.used();
          var kept =
              Scope.run(
                  () -> {
                    var large = Tensors.ones(DType.F32, 1 << 20).evaluate();
                    leaked.add(large);
                    return large.sum();
                  });
          assertEquals(1 << 20, kept.toFloat());
          assertTrue(budget.used() - before < 1 << 20, "the large tensor is still there");
          var error = assertThrows(EngineException.class, () -> leaked.getFirst().toFloatArray());
          assertTrue(messageOf(error).contains("Scope.run"), messageOf(error));
        });
  }

  @Test
  void parametersThatAScopeAssignsOutliveIt() {
    on(
        () -> {
          var w = Parameter.of(Tensor.of(new float[] {1}));
          Scope.run(
              () -> {
                w.assign(w.value().add(1));
                return w.value().sum();
              });
          assertEquals(2, w.value().toFloat());
        });
  }

  @Test
  void unreachableBuffersAreLetGoBeforeMemoryRunsOut() {
    on(
        () -> {
          var budget = Engines.budget(device());
          long limit = budget.limit();
          var type = TensorType.of(DType.F32, 1 << 18);
          budget.setLimit(budget.used() + 8 * type.bytes());
          try {
            for (int i = 0; i < 100; i++) {
              assertEquals(i, Tensors.full(type, i).add(0).at(0, 0).toFloat());
              Tensors.full(type, i).mul(2).evaluate();
            }
          } finally {
            budget.setLimit(limit);
          }
        });
  }
}
