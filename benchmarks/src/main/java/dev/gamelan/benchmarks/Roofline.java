package dev.gamelan.benchmarks;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.code.NativeCode;
import dev.gamelan.onednn.code.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.CyclicBarrier;
import java.util.function.LongConsumer;

/**
 * What the machine can do at most: independent multiply-adds in registers; and of memory the better
 * of a sum of two streams written past the caches, as STREAM's triad [1], and of an update in
 * place.
 *
 * <p>[1] McCalpin, Memory Bandwidth and Machine Balance in Current High Performance Computers,
 * 1995.
 */
final class Roofline {
  private static final int ACCUMULATORS = 12;
  private static final int REPEATS = 7;
  private static final int VECTORS = 4;

  private final Width width;
  private final boolean evex;

  Roofline(Isa isa) {
    evex = isa == Isa.AVX512;
    width = evex ? Width.Z : Width.Y;
  }

  /** f32 operations a second, multiplication and addition counted as two. */
  double flops(int threads) {
    long rounds = 4_000_000;
    var code = place(multiplyAdds());
    int lanes = width.bytes() / 4;
    double operations = 2.0 * ACCUMULATORS * lanes * rounds * threads;
    return operations / bestSeconds(threads, 1, code::call, (t, i) -> rounds);
  }

  /** Bytes a second that are read or written. */
  double bandwidth(int threads) {
    return Math.max(streamed(triad(), 3, threads), streamed(update(), 2, threads));
  }

  /**
   * @param code of three addresses and their bytes
   * @param streams how often each byte is read or written
   */
  private static double streamed(byte[] code, int streams, int threads) {
    long bytes = 1L << 26;
    var placed = place(code);
    // In large pages, as the engine's own buffers.
    var memory = NativeMemory.allocate(3 * bytes * threads);
    try {
      memory.fill((byte) 0);
      long first = memory.address();
      double seconds =
          bestSeconds(
              threads,
              4,
              placed::call,
              (thread, i) -> i < 3 ? first + (3L * thread + i) * bytes : bytes);
      return (double) streams * bytes * threads / seconds;
    } finally {
      NativeMemory.free(memory);
    }
  }

  private interface Arguments {
    long get(int thread, int index);
  }

  /** All threads begin together; the slowest counts. */
  private static double bestSeconds(
      int threads, int count, LongConsumer function, Arguments arguments) {
    var best = new double[] {Double.MAX_VALUE};
    var start = new long[1];
    var begin = new CyclicBarrier(threads, () -> start[0] = System.nanoTime());
    var end =
        new CyclicBarrier(
            threads, () -> best[0] = Math.min(best[0], (System.nanoTime() - start[0]) / 1e9));
    try (var arena = Arena.ofShared()) {
      var running = new Thread[threads];
      for (int t = 0; t < threads; t++) {
        var table = arena.allocate(8L * count, 8);
        for (int i = 0; i < count; i++) {
          table.setAtIndex(ValueLayout.JAVA_LONG, i, arguments.get(t, i));
        }
        running[t] =
            Thread.ofPlatform()
                .start(
                    () -> {
                      for (int i = 0; i < REPEATS; i++) {
                        await(begin);
                        function.accept(table.address());
                        await(end);
                      }
                    });
      }
      for (var thread : running) thread.join();
      return best[0];
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  private static NativeCode place(byte[] code) {
    return NativeCode.place(code)
        .orElseThrow(() -> new IllegalStateException("this system gives no executable memory"));
  }

  private byte[] multiplyAdds() {
    var asm = new Assembler(evex);
    for (int i = 0; i < ACCUMULATORS + 2; i++) asm.op(Simd.VPXORD, width, i, i, i);
    asm.load(Gpr.RCX, Memory.at(Gpr.RDI, 0));
    var loop = new Label();
    asm.bind(loop);
    for (int i = 0; i < ACCUMULATORS; i++) {
      asm.op(Simd.VFMADD231PS, width, i, ACCUMULATORS, ACCUMULATORS + 1);
    }
    asm.sub(Gpr.RCX, 1);
    asm.jump(Condition.NOT_EQUAL, loop);
    asm.vzeroupper();
    asm.ret();
    return asm.finish();
  }

  /** Arguments: a stream to read and to write, two that are not used, and its bytes. */
  private byte[] update() {
    var asm = new Assembler(evex);
    asm.load(Gpr.RAX, Memory.at(Gpr.RDI, 0));
    asm.load(Gpr.RCX, Memory.at(Gpr.RDI, 24));
    var loop = new Label();
    asm.bind(loop);
    int step = VECTORS * width.bytes();
    for (int i = 0; i < VECTORS; i++) {
      var at = Memory.at(Gpr.RAX, i * width.bytes());
      asm.op(Simd.VMOVUPS, width, i, 0, at);
      asm.op(Simd.VADDPS, width, i, i, i);
      asm.op(Simd.VMOVUPS_STORE, width, i, 0, at);
    }
    asm.add(Gpr.RAX, step);
    asm.sub(Gpr.RCX, step);
    asm.jump(Condition.NOT_EQUAL, loop);
    asm.vzeroupper();
    asm.ret();
    return asm.finish();
  }

  /** Arguments: two streams to read, one to write, and the bytes of each. */
  private byte[] triad() {
    var asm = new Assembler(evex);
    asm.load(Gpr.RAX, Memory.at(Gpr.RDI, 0));
    asm.load(Gpr.RDX, Memory.at(Gpr.RDI, 8));
    asm.load(Gpr.RSI, Memory.at(Gpr.RDI, 16));
    asm.load(Gpr.RCX, Memory.at(Gpr.RDI, 24));
    var loop = new Label();
    asm.bind(loop);
    int step = VECTORS * width.bytes();
    for (int i = 0; i < VECTORS; i++) {
      int at = i * width.bytes();
      asm.op(Simd.VMOVUPS, width, i, 0, Memory.at(Gpr.RAX, at));
      asm.op(Simd.VADDPS, width, i, i, Memory.at(Gpr.RDX, at));
      asm.op(Simd.VMOVNTPS_STORE, width, i, 0, Memory.at(Gpr.RSI, at));
    }
    asm.add(Gpr.RAX, step);
    asm.add(Gpr.RDX, step);
    asm.add(Gpr.RSI, step);
    asm.sub(Gpr.RCX, step);
    asm.jump(Condition.NOT_EQUAL, loop);
    asm.vzeroupper();
    asm.ret();
    return asm.finish();
  }
}
