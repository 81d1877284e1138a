package dev.gamelan.examples;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import picocli.CommandLine.Option;

/** Which engine a command runs on. */
final class EngineOption {
  @Option(
      names = "--engine",
      paramLabel = "E",
      description = "engine, or device such as reference:0; default: the best that there is")
  private String engine = "";

  Device device() {
    if (engine.isEmpty()) return Engines.defaultDevice();
    if (engine.contains(":")) return Engines.device(engine);
    return Engines.get(engine).devices().getFirst();
  }
}
