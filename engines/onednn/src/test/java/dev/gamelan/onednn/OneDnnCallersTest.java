package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Device;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Scope;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Several threads that run one executable at once. */
class OneDnnCallersTest {
  private static final Device DEVICE = new Device(OneDnnEngine.NAME, 0);
  private static final int CALLERS = 4;
  private static final long NANOS = 200_000_000;
  private static final int ROUNDS = 5;

  /**
   * Four callers do as much as one, or more. What is asked is a share that no busy machine spoils,
   * in the best of some rounds; threads that wait for each other's cores do a tenth.
   */
  @Test
  @Timeout(60)
  void fourCallersTogetherDoAsMuchAsOne() {
    Devices.use(
        DEVICE,
        () -> {
          var weights = Tensors.ones(DType.F32, 256, 256).evaluate();
          UnaryOperator<Tensor> compiled =
              CompiledFunction.ofUnary(x -> x.matmul(weights).tanh().matmul(weights));
          var x = Tensors.ones(DType.F32, 64, 256).evaluate();
          calls(compiled, x, 1);
          double best = 0;
          for (int round = 0; round < ROUNDS && best < 0.8; round++) {
            double alone = calls(compiled, x, 1);
            best = Math.max(best, calls(compiled, x, CALLERS) / alone);
          }
          assertTrue(best > 0.6, "four callers do %.2f of what one does".formatted(best));
          return true;
        });
  }

  /** How many calls they make together. */
  private static long calls(UnaryOperator<Tensor> compiled, Tensor x, int callers) {
    var calls = new AtomicLong();
    long end = System.nanoTime() + NANOS;
    var threads = new ArrayList<Thread>();
    for (int i = 0; i < callers; i++) {
      threads.add(Thread.ofPlatform().start(() -> callUntil(end, compiled, x, calls)));
    }
    while (threads.stream().anyMatch(Thread::isAlive)) LockSupport.parkNanos(1_000_000);
    return calls.get();
  }

  private static void callUntil(
      long end, UnaryOperator<Tensor> compiled, Tensor x, AtomicLong calls) {
    Devices.use(
        DEVICE,
        () -> {
          while (System.nanoTime() < end) {
            Scope.run(() -> compiled.apply(x).toFloatArray());
            calls.incrementAndGet();
          }
          return true;
        });
  }
}
