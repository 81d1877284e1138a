package dev.gamelan.tensor;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.Executable;
import dev.gamelan.ir.Graph;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Compiled graphs of a device by structure, the least recently used dropped first. A graph whose
 * numbers change is compiled once with its numbers, and once more with inputs in their place. One
 * that is dropped may be running: it is freed when it is unreachable.
 */
final class ExecutableCache {
  private static final int CAPACITY = 512;
  private static final int MISSES_BEFORE_HINT = 128;

  /** An executable and whether its numbers are inputs. */
  record Compiled(Executable executable, boolean numbersAreInputs) {}

  private record Key(Graph graph, Precision precision) {}

  private static final class Variants {
    @Nullable Object numbers;
    @Nullable Executable specialised;
    @Nullable Executable general;
  }

  private final Device device;
  private final Map<Key, Variants> entries =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Variants> eldest) {
          return size() > CAPACITY;
        }
      };
  private long hits;
  private long misses;
  private long runs;
  private long compileNanos;

  ExecutableCache(Device device) {
    this.device = device;
  }

  /**
   * The executable for {@code skeleton} in the current precision, in which numbers are inputs.
   * While {@code numbers} are those that it was first compiled with, the one for {@code
   * specialised} serves.
   */
  synchronized Compiled get(Graph skeleton, Object numbers, Supplier<Graph> specialised) {
    runs++;
    var precision = Precision.current();
    var entry = entries.computeIfAbsent(new Key(skeleton, precision), s -> new Variants());
    if (entry.numbers == null) {
      entry.numbers = numbers;
      entry.specialised = compile(specialised.get(), precision);
      return new Compiled(entry.specialised, false);
    }
    if (numbers.equals(entry.numbers) && entry.specialised != null) {
      hits++;
      return new Compiled(entry.specialised, false);
    }
    if (entry.general == null) {
      entry.general = compile(skeleton, precision);
    } else {
      hits++;
    }
    return new Compiled(entry.general, true);
  }

  private Executable compile(Graph graph, Precision precision) {
    return compile(graph, CompileOptions.DEFAULT.withPrecision(precision.dtype()));
  }

  /** For a function that keeps the executable itself. */
  synchronized Executable compile(Graph graph, CompileOptions options) {
    long start = System.nanoTime();
    var executable = Engines.compile(graph, device, options);
    compileNanos += System.nanoTime() - start;
    if (++misses == MISSES_BEFORE_HINT) {
      // Not before: a logger takes a start 20 ms.
      System.getLogger(ExecutableCache.class.getName())
          .log(
              System.Logger.Level.INFO,
              "{0} compiled {1} different graphs; if shapes change from step to step, pad them to a few"
                  + " sizes",
              device,
              misses);
    }
    return executable;
  }

  synchronized void countRun() {
    runs++;
  }

  synchronized CacheStatistics statistics() {
    return new CacheStatistics(hits, misses, runs, compileNanos);
  }
}
