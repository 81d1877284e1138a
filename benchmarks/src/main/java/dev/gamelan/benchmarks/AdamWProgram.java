package dev.gamelan.benchmarks;

import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/** An optimiser's update alone: reads four streams and writes three of them. */
final class AdamWProgram implements Program {
  private static final TensorType TYPE = TensorType.of(DType.F32, 1 << 23);

  @Override
  public String name() {
    return "adamw";
  }

  @Override
  public String description() {
    return "AdamW of 8 Mi parameters, in place";
  }

  @Override
  public double flops() {
    return 0;
  }

  @Override
  public double bytes() {
    return 7.0 * TYPE.bytes();
  }

  @Override
  public List<String> contenders() {
    return List.of(InferenceProgram.OURS);
  }

  @Override
  public Contender open(String contender, Workspace workspace) {
    return new Update();
  }

  private static final class Update implements Contender {
    private final Parameter weights = Parameter.of(Tensors.ones(DType.F32, TYPE.size()));
    private final Parameter first = Parameter.of(Tensors.zeros(TYPE));
    private final Parameter second = Parameter.of(Tensors.zeros(TYPE));
    private final Tensor gradient = Tensors.ones(DType.F32, TYPE.size()).evaluate();
    private final Tensor rate = Tensor.scalar(1e-3);
    private final Tensor step = Tensor.scalar(1);
    private final CompiledFunction update = CompiledFunction.of(this::update);

    private List<Tensor> update(List<Tensor> operands) {
      var results =
          Tensor.applyAll(
              new TensorOp.AdamwStep(0.9, 0.999, 1e-8, 0.01),
              List.of(
                  weights.value(),
                  operands.get(0),
                  first.value(),
                  second.value(),
                  operands.get(1),
                  operands.get(2)));
      weights.assign(results.get(0));
      first.assign(results.get(1));
      second.assign(results.get(2));
      return List.of();
    }

    @Override
    public float[] result() {
      call();
      return new float[0];
    }

    @Override
    public void call() {
      update.call(gradient, rate, step);
    }

    @Override
    public void close() {}
  }
}
