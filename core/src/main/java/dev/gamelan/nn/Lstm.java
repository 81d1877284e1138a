package dev.gamelan.nn;

import dev.gamelan.ir.Recurrent;
import dev.gamelan.tensor.Tensor;
import java.util.List;

/**
 * Long short-term memory (Hochreiter, Schmidhuber, Neural Computation 1997), from [T, N, in] to [T,
 * N, hidden], or 2·hidden in both directions.
 */
public final class Lstm extends RecurrentLayer {
  /** Hidden and cell state, [layers·directions, N, hidden] each. */
  public record State(Tensor hidden, Tensor cell) {}

  /** What every step of the last layer gives, and the state after the last step. */
  public record Output(Tensor sequence, State state) {}

  public Lstm(long in, long hidden, Options options) {
    super(4, in, hidden, options);
  }

  /** From a state of zeros. */
  public Output forward(Tensor x) {
    return output(run(x, List.of(), 2));
  }

  public Output forward(Tensor x, State state) {
    return output(run(x, List.of(state.hidden(), state.cell()), 2));
  }

  private static Output output(Run run) {
    return new Output(run.sequence(), new State(run.states().getFirst(), run.states().get(1)));
  }

  @Override
  List<Tensor> step(Tensor x, List<Tensor> states, Weights w, boolean reverse) {
    var bias = w.biasOf(w.inputBias()).add(w.biasOf(w.recurrentBias()));
    return Tensor.applyAll(
        new Recurrent.Lstm(reverse),
        List.of(
            x, states.getFirst(), states.get(1), w.input().value(), w.recurrent().value(), bias));
  }
}
