package dev.gamelan.examples;

import dev.gamelan.onnx.NodeTests;
import dev.gamelan.tensor.Devices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs a tree of directories in the layout of ONNX's own tests. */
@Command(
    name = "onnx-test",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = {
      "Runs ONNX node tests: directories with model.onnx and test_data_set_N/{input,output}_I.pb.",
      "Prints failures with operator and reason; the last line counts. Exit code 1 if any failed."
    })
final class OnnxTest implements Callable<Integer> {
  @Parameters(paramLabel = "DIR", description = "folder that holds the cases, at any depth")
  private Path folder = Path.of("");

  @Mixin private EngineOption engine = new EngineOption();

  @Option(names = "--verbose", description = "names what passes and what is skipped too")
  private boolean verbose;

  @Override
  public Integer call() throws IOException {
    if (!Files.isDirectory(folder)) throw new NoSuchFileException(folder.toString());
    var device = engine.device();
    int passed = 0;
    int failed = 0;
    int skipped = 0;
    for (var directory : NodeTests.find(folder)) {
      var result = Devices.use(device, () -> NodeTests.run(directory));
      switch (result.outcome()) {
        case PASSED -> passed++;
        case FAILED -> failed++;
        case SKIPPED -> skipped++;
      }
      boolean shown = verbose || result.outcome() == NodeTests.Outcome.FAILED;
      if (shown) {
        System.out.printf(
            "%s %s [%s] %s%n",
            result.outcome(), result.name(), result.operators(), result.reason().strip());
      }
    }
    System.out.printf("%d passed, %d failed, %d skipped%n", passed, failed, skipped);
    return failed == 0 ? 0 : 1;
  }
}
