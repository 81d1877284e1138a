package dev.gamelan.benchmarks;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.core.Linear;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.Trainer;
import ai.djl.training.loss.Loss;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import java.nio.FloatBuffer;

/** DJL's own training loop over PyTorch. */
final class DjlTrainerMlp implements Contender {
  private final MlpProgram.Data data;
  private final Model model;
  private final Trainer trainer;
  private final NDArray x;
  private final NDArray labels;
  private int calls;

  DjlTrainerMlp(MlpProgram.Size size, MlpProgram.Data data) {
    this.data = data;
    model = Model.newInstance("mlp", Device.cpu(), "PyTorch");
    model.setBlock(
        new SequentialBlock()
            .add(Linear.builder().setUnits(size.hidden).build())
            .add(Activation.reluBlock())
            .add(Linear.builder().setUnits(size.out).build()));
    var rate = Tracker.fixed(MlpProgram.RATE);
    trainer =
        model.newTrainer(
            new DefaultTrainingConfig(Loss.softmaxCrossEntropyLoss())
                .optDevices(new Device[] {Device.cpu()})
                .optOptimizer(Optimizer.sgd().setLearningRateTracker(rate).build()));
    trainer.initialize(new Shape(size.batch, size.in));
    var manager = trainer.getManager();
    for (var parameter : model.getBlock().getParameters().values()) {
      var array = parameter.getArray();
      if (array.getShape().dimension() == 1) {
        array.set(new float[(int) array.size()]);
      } else {
        array.set(array.getShape().get(0) == size.hidden ? data.hidden : data.out);
      }
    }
    x = manager.create(data.x, new Shape(size.batch, size.in));
    labels = manager.create(data.labels);
  }

  private float loss() {
    x.set(data.x);
    try (NDManager manager = trainer.getManager().newSubManager()) {
      NDArray loss;
      try (var gradients = trainer.newGradientCollector()) {
        var predictions = trainer.forward(new NDList(x));
        loss = trainer.getLoss().evaluate(new NDList(labels), predictions);
        gradients.backward(loss);
        predictions.attach(manager);
        loss.attach(manager);
      }
      trainer.step();
      return loss.getFloat();
    }
  }

  @Override
  public float[] result() {
    int parameters = 0;
    var all = model.getBlock().getParameters().values();
    for (var parameter : all) parameters += (int) parameter.getArray().size();
    var result = FloatBuffer.allocate(parameters + MlpProgram.STEPS);
    for (int i = 0; i < MlpProgram.STEPS; i++) result.put(loss());
    for (var parameter : all) result.put(parameter.getArray().toFloatArray());
    return result.array();
  }

  @Override
  public void call() {
    data.change(calls++);
    loss();
  }

  @Override
  public void close() {
    trainer.close();
    model.close();
  }
}
