package dev.gamelan.benchmarks;

import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Scope;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;

/** A training step compiled to one executable. */
final class GamelanMlp implements Contender {
  private final MlpProgram.Size size;
  private final MlpProgram.Data data;
  private final Sequential model;
  private final Sgd optimizer;
  private final CompiledFunction step = CompiledFunction.of(this::step);
  private final Tensor labels;
  private int calls;

  GamelanMlp(MlpProgram.Size size, MlpProgram.Data data) {
    this.size = size;
    this.data = data;
    this.labels = Tensor.of(data.labels).evaluate();
    var hidden = new Linear(size.in, size.hidden);
    var out = new Linear(size.hidden, size.out);
    this.model = new Sequential(hidden, UnaryLayer.of(Tensor::relu), out);
    model.load(
        Map.of(
            "0.weight", Tensor.of(data.hidden).reshape(size.hidden, size.in),
            "0.bias", Tensors.zeros(TensorType.of(DType.F32, size.hidden)),
            "2.weight", Tensor.of(data.out).reshape(size.out, size.hidden),
            "2.bias", Tensors.zeros(TensorType.of(DType.F32, size.out))));
    this.optimizer = new Sgd(model.parameters(), MlpProgram.RATE);
  }

  private List<Tensor> step(List<Tensor> batch) {
    var gradients =
        Gradients.compute(
            model.parameters(),
            () -> Losses.crossEntropy(model.forward(batch.get(0)), batch.get(1)));
    optimizer.update(gradients);
    return List.of(gradients.loss());
  }

  private float loss() {
    return Scope.run(() -> step.call(Tensor.of(data.x, size.batch, size.in), labels).getFirst())
        .toFloat();
  }

  @Override
  public float[] result() {
    var result = FloatBuffer.allocate((int) model.parameterCount() + MlpProgram.STEPS);
    for (int i = 0; i < MlpProgram.STEPS; i++) result.put(loss());
    for (var parameter : model.parameters()) result.put(parameter.value().toFloatArray());
    return result.array();
  }

  @Override
  public void call() {
    data.change(calls++);
    loss();
  }

  @Override
  public void close() {}
}
