package dev.gamelan.benchmarks;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.kernel.MatmulKernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Our kernel for small products by itself, as other libraries' are called: no graph around it. */
final class BareMatmul implements Contender {
  private final Arena arena = Arena.ofShared();
  private final MatmulKernel kernel;
  private final MemorySegment arguments;
  private final MemorySegment y;

  /** x [m, k] times the transpose of weights [n, k], which is laid out beforehand. */
  BareMatmul(float[] x, float[] weights, int m) {
    int k = x.length / m;
    int n = weights.length / k;
    var transposed = new float[weights.length];
    for (int i = 0; i < n; i++)
      for (int j = 0; j < k; j++) transposed[j * n + i] = weights[i * k + j];
    kernel = MatmulKernel.of(Cpu.detect().isa()).orElseThrow();
    y = arena.allocate(4L * m * n, 64);
    arguments = arena.allocate(8L * MatmulKernel.ARGUMENTS, 8);
    set(MatmulKernel.M, m);
    set(MatmulKernel.N, n);
    set(MatmulKernel.K, k);
    set(MatmulKernel.A, floats(x));
    set(MatmulKernel.A_ROW_STRIDE, 4L * k);
    set(MatmulKernel.A_COLUMN_STRIDE, 4);
    set(MatmulKernel.B, floats(transposed));
    set(MatmulKernel.B_ROW_STRIDE, 4L * n);
    set(MatmulKernel.B_BLOCK_STRIDE, 4L * kernel.blockColumns());
    set(MatmulKernel.C, y.address());
    set(MatmulKernel.C_ROW_STRIDE, 4L * n);
  }

  private void set(int argument, long value) {
    arguments.setAtIndex(JAVA_LONG, argument, value);
  }

  private long floats(float[] values) {
    var data = arena.allocate(4L * values.length, 64);
    MemorySegment.copy(values, 0, data, JAVA_FLOAT, 0, values.length);
    return data.address();
  }

  @Override
  public float[] result() {
    call();
    return y.toArray(JAVA_FLOAT);
  }

  @Override
  public void call() {
    kernel.run(arguments.address());
  }

  @Override
  public void close() {
    arena.close();
  }
}
