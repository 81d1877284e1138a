package dev.gamelan.examples;

import dev.gamelan.engine.Engine;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.EngineProvider;
import dev.gamelan.engine.Engines;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;

/** Says what this machine offers, and what is missing with the remedy. */
@Command(
    name = "doctor",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Shows the JVM, the CPU, engines and devices, and what is missing.")
final class Doctor implements Callable<Integer> {
  @Override
  public Integer call() {
    var runtime = Runtime.getRuntime();
    System.out.printf(
        "java       %s, %s%n",
        System.getProperty("java.vm.version"), System.getProperty("java.home"));
    System.out.printf(
        "system     %s %s, %d cores, heap up to %.1f GiB%n",
        System.getProperty("os.name"),
        System.getProperty("os.arch"),
        runtime.availableProcessors(),
        runtime.maxMemory() / 0x1p30);
    for (var provider : Engines.providers()) {
      if (provider.priority() >= 0) describe(provider);
    }
    System.out.printf("default    %s%n", Engines.defaultDevice());
    return 0;
  }

  private static void describe(EngineProvider provider) {
    var missing = provider.missing();
    if (missing.isPresent()) {
      System.out.printf("%-10s missing: %s%n", provider.name(), missing.get());
      return;
    }
    Engine engine;
    try {
      engine = Engines.get(provider.name());
    } catch (EngineException e) {
      System.out.printf("%-10s broken: %s%n", provider.name(), e.getMessage());
      return;
    }
    for (var device : engine.devices()) {
      var info = engine.info(device);
      var dtypes =
          engine.dtypes(device).stream()
              .filter(dtype -> !dtype.isStorage())
              .map(Object::toString)
              .collect(Collectors.joining(" "));
      System.out.printf(
          "%-10s %s, %s, budget %s, %s%n",
          provider.name(), device, info.description(), budget(info.memoryBytes()), dtypes);
      for (var line : info.details()) System.out.printf("           %s%n", line);
    }
  }

  private static String budget(long bytes) {
    return bytes == Long.MAX_VALUE ? "the engine's own" : "%.1f GiB".formatted(bytes / 0x1p30);
  }
}
