package dev.gamelan.examples;

import dev.gamelan.engine.Device;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A small network on one device that trains on the same batches in the same order each time. */
final class SoakModel {
  private static final int INPUTS = 16;
  private static final int HIDDEN = 32;
  private static final int CLASSES = 4;
  private static final int ROWS = 8;
  private static final int BATCHES = 8;

  private final Device device;
  private final Sequential model;
  private final Sgd optimizer;
  private final Map<String, Tensor> initial;
  private final CompiledFunction step = CompiledFunction.of(this::step);
  private final CompiledFunction forward;

  private SoakModel(Device device) {
    this.device = device;
    this.model =
        new Sequential(
            new Linear(INPUTS, HIDDEN), UnaryLayer.of(Tensor::tanh), new Linear(HIDDEN, CLASSES));
    model.initialize(RandomKey.of(1));
    this.initial = model.snapshot();
    this.optimizer = new Sgd(model.parameters(), 0.1);
    this.forward = CompiledFunction.of(in -> List.of(model.forward(in.getFirst()).softmax(-1)));
  }

  static SoakModel on(Device device) {
    return Devices.use(device, () -> new SoakModel(device));
  }

  private List<Tensor> step(List<Tensor> batch) {
    var gradients =
        Gradients.compute(
            model.parameters(),
            () -> Losses.crossEntropy(model.forward(batch.get(0)), batch.get(1)));
    optimizer.update(gradients);
    return List.of(gradients.loss());
  }

  /** Begins the training anew. */
  void restart() {
    Devices.use(
        device,
        () -> {
          model.load(initial);
          return device;
        });
  }

  /** The loss of one more step, on batch {@code number}. */
  float train(int number) {
    return Devices.use(device, () -> step.call(input(number), labels(number)).getFirst().toFloat());
  }

  /** What the network says about batch {@code number}. */
  float[] predict(int number) {
    return Devices.use(device, () -> forward.call(input(number)).getFirst().toFloatArray());
  }

  int batches() {
    return BATCHES;
  }

  private static Tensor input(int number) {
    var random = new Random(number % BATCHES);
    var x = new float[ROWS * INPUTS];
    for (int i = 0; i < x.length; i++) x[i] = (float) random.nextGaussian();
    return Tensor.of(x, ROWS, INPUTS);
  }

  private static Tensor labels(int number) {
    return Tensor.of(new Random(number % BATCHES).ints(ROWS, 0, CLASSES).toArray());
  }
}
