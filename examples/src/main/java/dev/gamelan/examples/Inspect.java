package dev.gamelan.examples;

import dev.gamelan.onnx.OnnxModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Shows what is in an ONNX file. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description =
        "Shows an ONNX file: inputs, outputs, operators, parameters, opset, size, and what would"
            + " not import.")
final class Inspect implements Callable<Integer> {
  @Parameters(paramLabel = "FILE", description = "an ONNX model")
  private Path file = Path.of("");

  @Override
  public Integer call() throws IOException {
    System.out.print(OnnxModel.load(file).summary());
    return 0;
  }
}
