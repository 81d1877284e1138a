package dev.gamelan.examples;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineProvider;
import dev.gamelan.engine.Engines;
import dev.gamelan.tck.ConformanceSmoke;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Long runs of small steps on every engine, which must neither grow, nor crash, nor go wrong. */
@Command(
    name = "soak",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    showDefaultValues = true,
    description =
        "Runs engines for long: memory must stay flat, threads must agree, and all engines must live in one JVM.")
final class Soak implements Callable<Integer> {
  private static final int STEPS_COMPARED = 50;
  private static final double LOSS_TOLERANCE = 1e-3;
  private static final double PREDICTION_TOLERANCE = 1e-5;
  private static final double MOST_GROWTH = 0.02;
  private static final int SAMPLES = 10;

  /** What a run looks at. */
  enum Test {
    MEMORY,
    CONCURRENCY,
    TOGETHER
  }

  @Parameters(
      arity = "0..*",
      paramLabel = "TEST",
      description = "of ${COMPLETION-CANDIDATES}; all if none is named")
  private List<Test> tests = List.of(Test.values());

  @Option(
      names = "--engines",
      split = ",",
      paramLabel = "E",
      description = "in the order in which they are loaded; default: all that can be had")
  private List<String> engines = List.of();

  @Option(names = "--seconds", paramLabel = "S", description = "of each run but memory's")
  private int seconds = 60;

  @Option(names = "--steps", paramLabel = "N", description = "of each engine's memory run")
  private int steps = 20_000;

  @Option(names = "--threads", paramLabel = "N", description = "that call one executable at once")
  private int threads = 8;

  private boolean failed;

  @Override
  public Integer call() throws Exception {
    if (seconds < 1 || steps < 1 || threads < 1) {
      throw new IllegalArgumentException("--seconds, --steps and --threads must be at least 1");
    }
    var devices = devices();
    for (var test : tests) {
      switch (test) {
        case MEMORY -> {
          for (var device : devices) memory(device);
        }
        case CONCURRENCY -> {
          for (var device : devices) concurrency(device);
        }
        case TOGETHER -> together(devices);
      }
    }
    return failed ? 1 : 0;
  }

  private List<Device> devices() {
    var names =
        engines.isEmpty()
            ? Engines.providers().stream()
                .filter(provider -> provider.priority() >= 0 && provider.missing().isEmpty())
                .map(EngineProvider::name)
                .toList()
            : engines;
    return names.stream().map(name -> Engines.get(name).devices().getFirst()).toList();
  }

  private void report(Test test, String engines, String what, boolean good) {
    failed |= !good;
    System.out.printf(
        "%-11s %-10s %s: %s%n",
        test.name().toLowerCase(Locale.ROOT), engines, what, good ? "ok" : "FAILED");
  }

  // ---- memory

  /** Resident memory after a tenth of the steps, when all pools are full, and the most later. */
  private void memory(Device device) throws IOException {
    var model = SoakModel.on(device);
    int warmUp = Math.max(steps / SAMPLES, 1);
    for (int i = 0; i < warmUp; i++) model.train(i);
    long before = residentBytes();
    long most = before;
    long begin = System.nanoTime();
    for (int i = warmUp; i < steps; i++) {
      model.train(i);
      if (i % warmUp == 0) most = Math.max(most, residentBytes());
    }
    most = Math.max(most, residentBytes());
    var took = Duration.ofNanos(System.nanoTime() - begin);
    double growth = (most - before) / (double) before;
    report(
        Test.MEMORY,
        device.engine(),
        "%,d steps in %.1f s, %,d → %,d MiB (%+.1f %%)"
            .formatted(steps, took.toMillis() / 1e3, before >> 20, most >> 20, 100 * growth),
        growth <= MOST_GROWTH);
  }

  /** Where the system says it; the heap in use elsewhere. */
  private static long residentBytes() throws IOException {
    System.gc(); // What is unreachable is no leak.
    var status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }
    try (var lines = Files.lines(status)) {
      var kilobytes = lines.filter(line -> line.startsWith("VmRSS:")).findFirst().orElseThrow();
      return Long.parseLong(kilobytes.replaceAll("\\D", "")) << 10;
    }
  }

  // ---- concurrency

  private void concurrency(Device device) throws Exception {
    var model = SoakModel.on(device);
    var expected = new ArrayList<float[]>();
    for (int i = 0; i < model.batches(); i++) expected.add(model.predict(i));
    long deadline = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
    long calls = 0;
    long wrong = 0;
    try (var pool = Executors.newFixedThreadPool(threads)) {
      var running = new ArrayList<Future<long[]>>();
      for (int t = 0; t < threads; t++) {
        int first = t;
        running.add(pool.submit(() -> predictions(model, first, expected, deadline)));
      }
      for (var counts : running) {
        calls += counts.get()[0];
        wrong += counts.get()[1];
      }
    }
    report(
        Test.CONCURRENCY,
        device.engine(),
        "%d threads, %d s, %,d calls, %d wrong".formatted(threads, seconds, calls, wrong),
        wrong == 0);
  }

  private static long[] predictions(
      SoakModel model, int first, List<float[]> expected, long deadline) {
    long wrong = 0;
    long calls = 0;
    for (; System.nanoTime() < deadline; calls++) {
      int batch = (int) ((first + calls) % model.batches());
      if (!agree(model.predict(batch), expected.get(batch))) wrong++;
    }
    return new long[] {calls, wrong};
  }

  private static boolean agree(float[] got, float[] expected) {
    for (int i = 0; i < expected.length; i++) {
      if (!(Math.abs(got[i] - expected[i]) <= PREDICTION_TOLERANCE)) return false;
    }
    return got.length == expected.length;
  }

  // ---- together

  /**
   * One graph of each op, and then the steps of a training that the reference has done before, on
   * each engine in turn.
   */
  private void together(List<Device> devices) {
    var names = devices.stream().map(Device::engine).collect(Collectors.joining(" "));
    try {
      int graphs = ConformanceSmoke.run(devices);
      report(Test.TOGETHER, names, "%,d graphs of single ops in turn".formatted(graphs), true);
    } catch (AssertionError e) {
      report(Test.TOGETHER, names, String.valueOf(e.getMessage()), false);
    }
    var reference = SoakModel.on(Engines.device("reference:0"));
    var expected = new float[STEPS_COMPARED];
    for (int i = 0; i < expected.length; i++) expected[i] = reference.train(i);
    long deadline = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
    long steps = 0;
    String wrong = null;
    var models = devices.stream().map(SoakModel::on).toList();
    while (wrong == null && (steps == 0 || System.nanoTime() < deadline)) {
      models.forEach(SoakModel::restart);
      for (int i = 0; wrong == null && i < expected.length; i++) {
        for (int m = 0; m < models.size(); m++, steps++) {
          float loss = models.get(m).train(i);
          if (Math.abs(loss - expected[i]) <= LOSS_TOLERANCE * Math.abs(expected[i])) continue;
          wrong = "%s lost %s, not %s".formatted(devices.get(m), loss, expected[i]);
        }
      }
    }
    report(
        Test.TOGETHER,
        names,
        "%d s, %,d steps in turn%s".formatted(seconds, steps, wrong == null ? "" : ", " + wrong),
        wrong == null);
  }
}
