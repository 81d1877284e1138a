package dev.gamelan.examples;

import dev.gamelan.io.HostArray;
import dev.gamelan.io.SafeTensors;
import dev.gamelan.onnx.OnnxModel;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Precision;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Compares what a model gives with what another library gave, and times it. */
@Command(
    name = "parity",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    showDefaultValues = true,
    description = {
      "Runs an ONNX model on golden inputs and compares its first output with the golden one.",
      "The golden file is safetensors with in.<name> for each input, and out."
    })
final class Parity implements Callable<Integer> {
  private static final String INPUT = "in.";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--model", required = true, paramLabel = "FILE", description = "ONNX model")
  private Path model = Path.of("");

  @Option(names = "--golden", required = true, paramLabel = "IO", description = "safetensors")
  private Path golden = Path.of("");

  @Mixin private EngineOption engine = new EngineOption();

  @Option(
      names = "--precision",
      paramLabel = "P",
      description = "in which products read their operands: ${COMPLETION-CANDIDATES}")
  private Precision precision = Precision.F32;

  @Option(names = "--repeat", paramLabel = "N", description = "timed calls")
  private int repeat = 10;

  @Override
  public Integer call() throws IOException {
    if (repeat < 1) {
      throw new CommandLine.ParameterException(
          spec.commandLine(), "--repeat must be at least 1; got " + repeat);
    }
    var loaded = OnnxModel.load(model);
    try (var file = SafeTensors.open(golden)) {
      var arrays = file.arrays();
      var expected = arrays.get("out");
      if (expected == null) {
        throw new IOException("%s has no 'out', but %s".formatted(golden, arrays.keySet()));
      }
      return Devices.use(
          engine.device(), () -> precision.call(() -> compare(loaded, arrays, expected)));
    }
  }

  private int compare(OnnxModel loaded, Map<String, HostArray> arrays, HostArray expected) {
    var inputs = new LinkedHashMap<String, Tensor>();
    arrays.forEach(
        (name, array) -> {
          if (name.startsWith(INPUT)) inputs.put(name.substring(INPUT.length()), array.toTensor());
        });
    var actual = first(loaded, inputs);
    if (!actual.type().equals(expected.type())) {
      throw new IllegalArgumentException(
          "the model gives %s; golden is %s".formatted(actual.type(), expected.type()));
    }
    report(expected.toTensor().toDoubleArray(), actual.toDoubleArray());
    // The second call compiles nothing any more, but checks that it need not.
    first(loaded, inputs);
    var times = new double[repeat];
    for (int i = 0; i < repeat; i++) {
      long start = System.nanoTime();
      first(loaded, inputs);
      times[i] = (System.nanoTime() - start) / 1e6;
    }
    Arrays.sort(times);
    System.out.printf(
        Locale.ROOT,
        "time per call  median %.3f ms, from %.3f to %.3f ms (%d calls, %s)%n",
        times[repeat / 2],
        times[0],
        times[repeat - 1],
        repeat,
        Devices.current());
    return 0;
  }

  private static Tensor first(OnnxModel loaded, Map<String, Tensor> inputs) {
    return loaded.run(inputs).values().iterator().next().evaluate();
  }

  private static void report(double[] expected, double[] actual) {
    double error = 0;
    double scale = 0;
    double dot = 0;
    double a = 0;
    double b = 0;
    for (int i = 0; i < expected.length; i++) {
      // NaN where only one has it counts as an error that is infinite.
      double difference = Math.abs(expected[i] - actual[i]);
      boolean same = Double.compare(expected[i], actual[i]) == 0;
      error =
          Math.max(
              error, same ? 0 : Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference);
      scale = Math.max(scale, Math.abs(expected[i]));
      dot += expected[i] * actual[i];
      a += expected[i] * expected[i];
      b += actual[i] * actual[i];
    }
    System.out.printf(
        Locale.ROOT, "max abs error  %.3g (largest golden element %.3g)%n", error, scale);
    System.out.printf(
        Locale.ROOT, "cosine         %.9f%n", a == 0 && b == 0 ? 1 : dot / Math.sqrt(a * b));
  }
}
