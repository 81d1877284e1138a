package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Device;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Tensors, functions and state under several threads. */
public abstract class ThreadingConformance {
  private static final int STEPS = 10_000;
  private static final int THREADS = 4;

  protected abstract Device device();

  private void inParallel(List<Callable<Boolean>> tasks) throws InterruptedException {
    try (var executor = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
      var futures = new ArrayList<Future<Boolean>>();
      for (var task : tasks) {
        futures.add(
            executor.submit(
                () ->
                    Devices.use(
                        device(),
                        () -> {
                          try {
                            return task.call();
                          } catch (Exception e) {
                            throw new IllegalStateException(e);
                          }
                        })));
      }
      for (var future : futures) {
        try {
          assertTrue(future.get());
        } catch (ExecutionException e) {
          throw new AssertionError(e.getCause());
        }
      }
    }
  }

  /** Step k sets every element of w and b to k: whoever sees two numbers saw half a step. */
  @Test
  void inferenceWhileTrainingSeesWholeStepsOnly() throws InterruptedException {
    var state =
        Devices.use(
            device(),
            () ->
                List.of(
                    Parameter.of(Tensor.of(new float[] {0, 0, 0})),
                    Parameter.of(Tensor.of(new float[] {0, 0}))));
    var train =
        CompiledFunction.of(
            in -> {
              for (var p : state) p.assign(p.value().add(1));
              return List.of();
            });
    var infer =
        CompiledFunction.of(
            in -> List.of(Tensors.concatenate(0, state.stream().map(Parameter::value).toList())));
    var done = new AtomicBoolean();
    Callable<Boolean> training =
        () -> {
          try {
            for (int i = 0; i < STEPS; i++) train.call();
          } finally {
            done.set(true);
          }
          return true;
        };
    Callable<Boolean> inference =
        () -> {
          float last = 0;
          while (!done.get()) {
            var seen = infer.call().getFirst().toFloatArray();
            for (float element : seen) assertEquals(seen[0], element);
            assertTrue(seen[0] >= last, "steps do not go back");
            last = seen[0];
          }
          return true;
        };
    Callable<Boolean> snapshots =
        () -> {
          while (!done.get()) {
            var values = Tensors.snapshot(Map.of(0, state.getFirst(), 1, state.get(1)));
            var w = Objects.requireNonNull(values.get(0)).toFloatArray();
            var b = Objects.requireNonNull(values.get(1)).toFloatArray();
            assertEquals(w[0], b[1]);
          }
          return true;
        };
    inParallel(List.of(training, inference, snapshots));
    assertEquals(STEPS, state.getFirst().value().toFloatArray()[2]);
  }

  @Test
  void threadsEvaluateSharedLazyTensors() throws InterruptedException {
    for (int round = 0; round < 50; round++) {
      var shared = Devices.use(device(), () -> Tensor.of(new float[] {1, 2, 3}).add(1));
      var tasks = new ArrayList<Callable<Boolean>>();
      for (int t = 0; t < THREADS; t++) {
        int factor = t;
        tasks.add(
            () -> {
              assertArrayEquals(
                  new float[] {2 * factor, 3 * factor, 4 * factor},
                  shared.mul(factor).toFloatArray());
              return true;
            });
      }
      inParallel(tasks);
    }
  }

  @Test
  void oneFunctionIsCalledFromManyThreads() throws InterruptedException {
    var f = CompiledFunction.of(in -> List.of(in.getFirst().mul(2).add(in.getFirst().square())));
    var tasks = new ArrayList<Callable<Boolean>>();
    for (int t = 0; t < THREADS; t++) {
      int start = t * 1000;
      tasks.add(
          () -> {
            for (int i = start; i < start + 500; i++) {
              var y = f.call(Tensor.of(new float[] {i})).getFirst();
              assertEquals(2f * i + (float) i * i, y.toFloat());
            }
            return true;
          });
    }
    inParallel(tasks);
  }
}
