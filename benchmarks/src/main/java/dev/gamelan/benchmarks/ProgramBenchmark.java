package dev.gamelan.benchmarks;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** One contender's call, in a process of its own. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class ProgramBenchmark {
  @Param("")
  public String program = "";

  @Param("")
  public String contender = "";

  @Param("")
  public String folder = "";

  @Param("1")
  public int threads = 1;

  private @Nullable Contender opened;

  /** Opens the contender and leaves its result where the command compares it. */
  @Setup(Level.Trial)
  public void open() throws Exception {
    var workspace = new Workspace(Path.of(folder), threads);
    var contending = Programs.get(program).open(contender, workspace);
    workspace.writeResult(program, contender, contending.result());
    opened = contending;
  }

  @Benchmark
  public void call() throws Exception {
    if (opened != null) opened.call();
  }

  @TearDown(Level.Trial)
  public void close() {
    if (opened != null) opened.close();
  }
}
