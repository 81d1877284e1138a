package dev.gamelan.examples;

import dev.gamelan.nn.Initializer;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Adam;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Teaches: a layer of one's own with a parameter, and a training loop without Trainer. */
@Command(
    name = "customloop",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Fits a wave with a layer of its own and a training loop by hand.")
final class CustomLoop implements Callable<Integer> {
  /** x + sin²(a·x)/a with a learnt for each channel (Ziyin et al., arXiv:2006.08195). */
  static final class Snake extends UnaryLayer {
    private final Parameter frequency;

    Snake(long channels) {
      frequency = parameter("frequency", TensorType.of(DType.F32, channels), Initializer.ones());
    }

    @Override
    public Tensor forward(Tensor x) {
      var a = frequency.value();
      return x.add(x.mul(a).sin().square().div(a));
    }
  }

  @Override
  public Integer call() {
    var model = new Sequential(new Linear(1, 16), new Snake(16), new Linear(16, 1));
    model.initialize(RandomKey.of(1));
    var optimizer = new Adam(model.parameters(), 0.01);
    var x = Tensors.range(DType.F32, 64).sub(32).div(8).reshape(-1, 1);
    var y = x.mul(2).sin().add(x.mul(0.5));
    float loss = Float.NaN;
    for (int step = 1; step <= 600; step++) {
      // The lambda is recorded and differentiated; nothing has run yet.
      var gradients =
          Gradients.compute(model.parameters(), () -> Losses.meanSquared(model.forward(x), y));
      optimizer.update(gradients);
      // Reading the loss runs forward, backward and update as one executable.
      loss = gradients.loss().toFloat();
      if (step % 200 == 0) System.out.printf(Locale.ROOT, "step %d  loss %.5f%n", step, loss);
    }
    System.out.printf(Locale.ROOT, "a wave is fitted to %.4f on average%n", Math.sqrt(loss));
    return 0;
  }
}
