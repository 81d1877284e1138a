package dev.gamelan.benchmarks;

import java.util.List;
import java.util.Random;

/** A training step of a network with one hidden layer by plain gradient descent. */
record MlpProgram(Size size) implements Program {
  /** How many losses are compared, and after how many steps the parameters. */
  static final int STEPS = 5;

  static final float RATE = 0.1f;

  enum Size {
    MNIST("mlp-step", 784, 256, 10, 128),
    TINY("tiny-step", 4, 8, 2, 4);

    final String title;
    final int in;
    final int hidden;
    final int out;
    final int batch;

    Size(String title, int in, int hidden, int out, int batch) {
      this.title = title;
      this.in = in;
      this.hidden = hidden;
      this.out = out;
      this.batch = batch;
    }
  }

  /** The first weights, [out, in], and a batch with its labels. */
  static final class Data {
    final float[] hidden;
    final float[] out;
    final float[] x;
    final int[] labels;

    Data(Size size) {
      hidden = scaled(size.hidden, size.in, 2);
      out = scaled(size.out, size.hidden, 3);
      x = Input.normal(size.batch * size.in, 1);
      labels = new Random(4).ints(size.batch, 0, size.out).toArray();
    }

    private static float[] scaled(int out, int in, long seed) {
      var weights = Input.normal(out * in, seed);
      for (int i = 0; i < weights.length; i++) weights[i] /= (float) Math.sqrt(in);
      return weights;
    }

    /** Another batch from call to call. */
    void change(int call) {
      x[call % x.length] = -x[call % x.length];
    }
  }

  @Override
  public String name() {
    return size.title;
  }

  @Override
  public String description() {
    return String.format(
        "a %d-%d-%d network at batch %d, forward, gradients and update, loss read",
        size.in, size.hidden, size.out, size.batch);
  }

  /** Forward, and gradients of all weights and of the hidden layer. */
  @Override
  public double flops() {
    return 2.0 * size.batch * (2.0 * size.in * size.hidden + 3.0 * size.hidden * size.out);
  }

  /** TensorFlow for Java before our engine, which in one JVM takes the copy of the library. */
  @Override
  public List<String> contenders() {
    return List.of(
        "gamelan",
        "gamelan-pytorch",
        "torchscript",
        "djl-trainer",
        "tensorflow",
        "gamelan-tensorflow");
  }

  @Override
  public Contender open(String contender, Workspace workspace) throws Exception {
    var data = new Data(size);
    return switch (contender) {
      case "gamelan" -> new GamelanMlp(size, data);
      case "gamelan-pytorch" -> OnEngine.of("pytorch", () -> new GamelanMlp(size, data));
      case "gamelan-tensorflow" -> OnEngine.of("tensorflow", () -> new GamelanMlp(size, data));
      case "torchscript" -> new TorchScriptMlp(size, data);
      case "tensorflow" -> new TensorFlowMlp(size, data, workspace.threads());
      case "djl-trainer" -> new DjlTrainerMlp(size, data);
      default -> throw new IllegalArgumentException("no contender '%s'".formatted(contender));
    };
  }
}
