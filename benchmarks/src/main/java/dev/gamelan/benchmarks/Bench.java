package dev.gamelan.benchmarks;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Times programs side by side: contenders alternate in rounds, each time in a fresh process, and
 * what they compute is compared before a time counts.
 */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    showDefaultValues = true,
    description = {
      "Times whole programs side by side with other libraries.",
      "Each contender runs in a fresh process in each round, with the same threads."
    })
public final class Bench implements Callable<Integer> {
  /** They silence warnings and change no speed. */
  static final List<String> JVM_FLAGS =
      List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow");

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "NAME", description = "programs; all of them if none is named")
  private List<String> names = new ArrayList<>();

  @Option(names = "--list", description = "says what there is, and ends")
  private boolean list;

  @Option(names = "--rounds", paramLabel = "N", description = "fresh processes per contender")
  private int rounds = 3;

  @Option(names = "--seconds", paramLabel = "S", description = "of measuring in each process")
  private double seconds = 5;

  @Option(
      names = "--warmup",
      paramLabel = "S",
      description = "seconds in each process before that, which are left out")
  private double warmup = 5;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "for each contender (default: the cores that the JVM may use)",
      showDefaultValue = CommandLine.Help.Visibility.NEVER)
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(names = "--out", paramLabel = "DIR", description = "gets bench.md and bench.png")
  private Path out = Path.of("docs", "benchmarks");

  public static void main(String[] arguments) {
    System.exit(new CommandLine(new Bench()).execute(arguments));
  }

  @Override
  public Integer call() throws IOException, RunnerException {
    // The class path in a file: ONNX Runtime matches its process's command line with a regular
    // expression, and a long one overflows the stack.
    System.setProperty("jmh.separateClasspathJAR", "true");
    var console = spec.commandLine().getOut();
    if (list) {
      for (var program : Programs.all()) {
        console.printf("%-18s %s%n", program.name(), program.description());
        console.printf("%-18s %s%n", "", String.join(", ", program.contenders()));
      }
      console.flush();
      return 0;
    }
    if (rounds < 1 || threads < 1 || !(seconds > 0) || !(warmup >= 0)) {
      throw new CommandLine.ParameterException(
          spec.commandLine(),
          "--rounds, --threads and --seconds must be positive, --warmup not negative");
    }
    var programs = names.isEmpty() ? Programs.all() : names.stream().map(Programs::get).toList();
    var folder = Files.createTempDirectory("gamelan-bench");
    try {
      var report = new Report(Machine.measure(threads), rounds, warmup, seconds);
      for (var program : programs) {
        report.add(run(program, new Workspace(folder, threads), console));
        report.write(out);
      }
      console.printf("%s%n", out.resolve(Report.TABLE));
      console.flush();
      return 0;
    } finally {
      delete(folder);
    }
  }

  private Report.Entry run(Program program, Workspace workspace, PrintWriter console)
      throws IOException, RunnerException {
    console.printf("%s: %s%n", program.name(), program.description());
    var entry = new Report.Entry(program, new ArrayList<>(), new ArrayList<>());
    for (var contender : program.contenders()) {
      entry.measured().add(new Report.Measured(contender, new ArrayList<>(), new StringBuilder()));
    }
    for (int round = 0; round < rounds; round++) {
      for (var measured : entry.measured()) {
        measured.nanos().addAll(time(program, measured.contender(), workspace));
        if (threads > 1) entry.handovers().add(Handover.nanos());
        if (round == 0) compare(program, measured, workspace);
        console.printf(
            Locale.ROOT,
            "  round %d  %-20s %s%n",
            round + 1,
            measured.contender(),
            Report.time(measured.median()));
        console.flush();
      }
    }
    return entry;
  }

  /**
   * Ours is what the others are compared with, so nothing is timed that computes something else.
   */
  private static void compare(Program program, Report.Measured measured, Workspace workspace)
      throws IOException {
    var ours = program.contenders().getFirst();
    if (measured.contender().equals(ours)) return;
    measured
        .agreement()
        .append(
            program
                .agreement(measured.contender())
                .check(
                    program.name() + " in " + measured.contender(),
                    workspace.readResult(program.name(), ours),
                    workspace.readResult(program.name(), measured.contender())));
  }

  /** The averages of some iterations, in nanoseconds. */
  private List<Double> time(Program program, String contender, Workspace workspace)
      throws RunnerException {
    int iterations = 5; // Of each: an end of an iteration is something that the JIT has to learn.
    var options =
        new OptionsBuilder()
            .include(ProgramBenchmark.class.getName())
            .param("program", program.name())
            .param("contender", contender)
            .param("folder", workspace.folder().toString())
            .param("threads", Integer.toString(workspace.threads()))
            .forks(1)
            .warmupIterations(iterations)
            .warmupTime(TimeValue.milliseconds(Math.max(1, Math.round(1000 * warmup / iterations))))
            .measurementIterations(iterations)
            .measurementTime(TimeValue.milliseconds(Math.round(1000 * seconds / iterations)))
            .shouldFailOnError(true)
            .verbosity(VerboseMode.SILENT)
            .jvmArgs(JVM_FLAGS.toArray(String[]::new))
            .jvmArgsAppend(
                "-Dgamelan.onednn.threads=" + workspace.threads(),
                "-Dai.djl.pytorch.num_threads=" + workspace.threads(),
                "-Dai.djl.offline=true")
            .build();
    var times = new ArrayList<Double>();
    for (var result : new Runner(options).run()) {
      for (var fork : result.getBenchmarkResults()) {
        fork.getIterationResults()
            .forEach(iteration -> times.add(iteration.getPrimaryResult().getScore()));
      }
    }
    return times;
  }

  private static void delete(Path folder) throws IOException {
    try (var files = Files.walk(folder)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) Files.delete(file);
    }
  }
}
