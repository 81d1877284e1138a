package dev.gamelan.nn;

import dev.gamelan.ir.Recurrent;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/**
 * Gated recurrent units (Cho et al., arXiv:1406.1078), from [T, N, in] to [T, N, hidden], or
 * 2·hidden in both directions.
 */
public final class Gru extends RecurrentLayer {
  /**
   * What every step of the last layer gives, and the state after the last step, [layers·directions,
   * N, hidden].
   */
  public record Output(Tensor sequence, Tensor hidden) {}

  public Gru(long in, long hidden, Options options) {
    super(3, in, hidden, options);
  }

  /** From a state of zeros. */
  public Output forward(Tensor x) {
    return output(run(x, List.of(), 1));
  }

  public Output forward(Tensor x, Tensor hidden) {
    return output(run(x, List.of(hidden), 1));
  }

  private static Output output(Run run) {
    return new Output(run.sequence(), run.states().getFirst());
  }

  @Override
  List<Tensor> step(Tensor x, List<Tensor> states, Weights w, boolean reverse) {
    return Tensor.applyAll(
        new Recurrent.Gru(reverse),
        List.of(
            x,
            states.getFirst(),
            w.input().value(),
            w.recurrent().value(),
            w.biasOf(w.inputBias()),
            w.biasOf(w.recurrentBias())));
  }
}
