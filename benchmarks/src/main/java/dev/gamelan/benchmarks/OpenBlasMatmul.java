package dev.gamelan.benchmarks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/** x [m, k] times the transpose of weights [n, k] by OpenBLAS's sgemm, called directly. */
@SuppressWarnings("restricted") // A C library is what this class calls.
final class OpenBlasMatmul implements Contender {
  private static final String RESOURCES = "/org/bytedeco/openblas/linux-x86_64/";

  /** Each needs those before it. */
  private static final List<String> LIBRARIES =
      List.of("libgcc_s.so.1", "libquadmath.so.0", "libgfortran.so.5", "libopenblas.so.0");

  private static final int ROW_MAJOR = 101;
  private static final int AS_IT_IS = 111;
  private static final int TRANSPOSED = 112;

  private final Arena arena = Arena.ofShared();
  private final MethodHandle multiply;
  private final int m;
  private final int n;
  private final int k;
  private final MemorySegment x;
  private final MemorySegment weights;
  private final MemorySegment y;

  OpenBlasMatmul(Workspace workspace, float[] x, float[] weights, int m) throws IOException {
    this.m = m;
    this.k = x.length / m;
    this.n = weights.length / k;
    this.x = arena.allocateFrom(JAVA_FLOAT, x);
    this.weights = arena.allocateFrom(JAVA_FLOAT, weights);
    this.y = arena.allocate(4L * m * n, 64);
    var library = load(workspace.folder());
    var linker = Linker.nativeLinker();
    var setThreads =
        linker.downcallHandle(
            library.findOrThrow("openblas_set_num_threads"), FunctionDescriptor.ofVoid(JAVA_INT));
    try {
      setThreads.invokeExact(workspace.threads());
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
    multiply =
        linker.downcallHandle(
            library.findOrThrow("cblas_sgemm"),
            FunctionDescriptor.ofVoid(
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_INT,
                JAVA_FLOAT,
                ADDRESS,
                JAVA_INT,
                ADDRESS,
                JAVA_INT,
                JAVA_FLOAT,
                ADDRESS,
                JAVA_INT));
  }

  private SymbolLookup load(Path folder) throws IOException {
    SymbolLookup last = null;
    for (var name : LIBRARIES) {
      var file = folder.resolve(name);
      if (!Files.exists(file)) {
        try (var in = OpenBlasMatmul.class.getResourceAsStream(RESOURCES + name)) {
          Files.copy(Objects.requireNonNull(in, name), file);
        }
      }
      last = SymbolLookup.libraryLookup(file, arena);
    }
    return Objects.requireNonNull(last);
  }

  @Override
  public float[] result() {
    call();
    return y.toArray(JAVA_FLOAT);
  }

  @Override
  public void call() {
    try {
      multiply.invokeExact(
          ROW_MAJOR, AS_IT_IS, TRANSPOSED, m, n, k, 1f, x, k, weights, k, 0f, y, n);
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
