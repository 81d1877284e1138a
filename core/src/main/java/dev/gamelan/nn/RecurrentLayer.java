package dev.gamelan.nn;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Recurrent layers, stacked and in one or both directions. Parameters are PyTorch's: for layer k
 * weight_ih_lk [gates·hidden, in], weight_hh_lk [gates·hidden, hidden], bias_ih_lk and bias_hh_lk
 * [gates·hidden]; with the suffix _reverse for the way back.
 */
public abstract sealed class RecurrentLayer extends Layer permits Lstm, Gru {
  /**
   * @param layers each but the first takes what the one before gives
   * @param bidirectional also runs from the last step to the first, and gives both, side by side
   * @param dropout of what a layer gives to the next, in training
   * @param batchFirst sequences are [N, T, in], not [T, N, in]
   */
  public record Options(
      int layers, boolean bidirectional, boolean bias, double dropout, boolean batchFirst) {
    public static final Options DEFAULT = new Options(1, false, true, 0, false);

    public Options withLayers(int other) {
      return new Options(other, bidirectional, bias, dropout, batchFirst);
    }

    public Options withBidirectional(boolean other) {
      return new Options(layers, other, bias, dropout, batchFirst);
    }

    public Options withBias(boolean other) {
      return new Options(layers, bidirectional, other, dropout, batchFirst);
    }

    public Options withDropout(double other) {
      return new Options(layers, bidirectional, bias, other, batchFirst);
    }

    public Options withBatchFirst(boolean other) {
      return new Options(layers, bidirectional, bias, dropout, other);
    }
  }

  /** The weights of one direction of one layer. */
  record Weights(
      Parameter input,
      Parameter recurrent,
      @Nullable Parameter inputBias,
      @Nullable Parameter recurrentBias) {
    Tensor biasOf(@Nullable Parameter bias) {
      return bias == null
          ? Tensors.zeros(TensorType.of(DType.F32, input.type().dim(0)))
          : bias.value();
    }
  }

  /** The last layer's sequence, and each state after the last step, [layers·directions, N, H]. */
  record Run(Tensor sequence, List<Tensor> states) {}

  private final Options options;
  private final long hidden;
  private final List<Weights> weights = new ArrayList<>();
  private final Dropout dropout;

  RecurrentLayer(int gates, long in, long hidden, Options options) {
    if (options.layers() < 1) {
      throw new IllegalArgumentException(
          "recurrent layer: needs at least 1 layer; got " + options.layers());
    }
    this.options = options;
    this.hidden = hidden;
    this.dropout = new Dropout(options.dropout());
    for (int layer = 0; layer < options.layers(); layer++) {
      long width = layer == 0 ? in : hidden * directions();
      for (int direction = 0; direction < directions(); direction++) {
        weights.add(weights("l" + layer + (direction == 1 ? "_reverse" : ""), gates, width));
      }
    }
  }

  private Weights weights(String suffix, int gates, long in) {
    var initializer = Initializer.uniform(1 / Math.sqrt(Math.max((double) hidden, 1)));
    var matrix = TensorType.of(DType.F32, gates * hidden, in);
    var square = TensorType.of(DType.F32, gates * hidden, hidden);
    var vector = TensorType.of(DType.F32, gates * hidden);
    return new Weights(
        parameter("weight_ih_" + suffix, matrix, initializer),
        parameter("weight_hh_" + suffix, square, initializer),
        options.bias() ? parameter("bias_ih_" + suffix, vector, initializer) : null,
        options.bias() ? parameter("bias_hh_" + suffix, vector, initializer) : null);
  }

  private int directions() {
    return options.bidirectional() ? 2 : 1;
  }

  /** One direction of one layer: from x [T, N, I] and states [N, H] to a sequence and states. */
  abstract List<Tensor> step(Tensor x, List<Tensor> states, Weights w, boolean reverse);

  /**
   * @param initial each [layers·directions, N, H], or none for zeros
   * @param states how many states there are
   */
  final Run run(Tensor input, List<Tensor> initial, int states) {
    if (input.rank() != 3) {
      throw new IllegalArgumentException(
          "recurrent layer: needs [%s, in]; got %s"
              .formatted(options.batchFirst() ? "N, T" : "T, N", input.type()));
    }
    var x = options.batchFirst() ? input.transpose(1, 0, 2) : input;
    var start = initial.isEmpty() ? zeros(x, states) : initial;
    var ends = new ArrayList<List<Tensor>>();
    for (int layer = 0; layer < options.layers(); layer++) {
      if (layer > 0 && options.dropout() > 0) x = dropout.forward(x);
      var sequences = new ArrayList<Tensor>();
      for (int direction = 0; direction < directions(); direction++) {
        int at = layer * directions() + direction;
        var from = start.stream().map(state -> state.at(0, at)).toList();
        var results = step(x, from, weights.get(at), direction == 1);
        sequences.add(results.getFirst());
        ends.add(results.subList(1, results.size()));
      }
      x = sequences.size() == 1 ? sequences.getFirst() : Tensors.concatenate(2, sequences);
    }
    var last = new ArrayList<Tensor>();
    for (int i = 0; i < states; i++) {
      int state = i;
      last.add(Tensors.stack(0, ends.stream().map(end -> end.get(state)).toList()));
    }
    return new Run(options.batchFirst() ? x.transpose(1, 0, 2) : x, last);
  }

  private List<Tensor> zeros(Tensor x, int states) {
    var zero = Tensors.zeros(x.dtype(), (long) options.layers() * directions(), x.dim(1), hidden);
    return Collections.nCopies(states, zero);
  }
}
