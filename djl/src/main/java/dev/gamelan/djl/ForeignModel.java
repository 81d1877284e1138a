package dev.gamelan.djl;

import dev.gamelan.engine.EngineException;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.exchange.LoadedModel;
import dev.gamelan.exchange.TensorInfo;
import dev.gamelan.mxnet.SymbolModel;
import dev.gamelan.nn.Layer;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensorflow.SavedModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A model of another framework as a layer, for inference: that framework's library runs it, on the
 * CPU. It has no parameters of ours, takes values that are known (so not inside of a compiled
 * function), and gives no gradients. May be called from several threads. The file is code: run
 * those that you trust.
 */
public final class ForeignModel extends Layer implements AutoCloseable {
  private final LoadedModel model;

  private ForeignModel(LoadedModel model) {
    this.model = model;
  }

  /**
   * Reads a TorchScript file. It names its inputs, and says nothing of their types.
   *
   * @throws IOException if there is none, or PyTorch can't read it
   * @throws IllegalStateException if DJL's PyTorch engine is not on the class path
   */
  public static ForeignModel torchScript(Path file) throws IOException {
    return new ForeignModel(TorchScriptModel.load(file));
  }

  /**
   * Loads the function {@code serving_default} of a TensorFlow SavedModel. Needs the artifact
   * {@code gamelan-tensorflow}.
   *
   * @throws IOException if there is none in the folder, or TensorFlow can't load it
   */
  public static ForeignModel savedModel(Path folder) throws IOException {
    return savedModel(folder, SavedModel.DEFAULT_SIGNATURE);
  }

  /**
   * Loads one function of a TensorFlow SavedModel, of those that are called signatures there.
   *
   * @throws IOException if there is none of that name
   */
  public static ForeignModel savedModel(Path folder, String signature) throws IOException {
    return new ForeignModel(Artifact.TENSORFLOW.with(() -> SavedModel.load(folder, signature)));
  }

  /**
   * Reads an MXNet pair, {@code NAME-symbol.json} and {@code NAME-0000.params}: variables without a
   * value are inputs. Needs the artifact {@code gamelan-mxnet}.
   *
   * @throws IOException if there is none, or MXNet can't read it
   */
  public static ForeignModel mxnet(Path symbol, Path parameters) throws IOException {
    return new ForeignModel(Artifact.MXNET.with(() -> SymbolModel.load(symbol, parameters)));
  }

  /** What {@link #call} takes, in order, for all that the file says. */
  public List<TensorInfo> inputs() {
    return model.inputs();
  }

  /** What {@link #call} gives, in order; empty where the file does not say. */
  public List<TensorInfo> outputs() {
    return model.outputs();
  }

  /**
   * The model's results for {@code inputs}, in the order of {@link #inputs()}.
   *
   * @throws IllegalArgumentException if the model does not take them, or is closed
   */
  public List<Tensor> call(Tensor... inputs) {
    check(inputs);
    var values = new ArrayList<HostTensor>();
    for (var input : inputs) {
      var value = HostTensor.allocate(input.type());
      input.read(value.bytes());
      values.add(value);
    }
    try {
      return model.run(values).stream().map(r -> Tensor.of(r.type(), r.bytes())).toList();
    } catch (EngineException e) {
      throw new IllegalArgumentException(String.valueOf(e.getMessage()), e);
    }
  }

  /**
   * The model's results for inputs by their names.
   *
   * @throws IllegalArgumentException if the model does not take them, or does not name its results
   */
  public SequencedMap<String, Tensor> call(Map<String, Tensor> inputs) {
    var expected = inputs();
    var ordered = new ArrayList<Tensor>();
    for (var info : expected) {
      var input = inputs.get(info.name());
      if (input != null) ordered.add(input);
    }
    if (ordered.size() != expected.size() || inputs.size() != expected.size()) {
      throw new IllegalArgumentException(
          "the model takes %s; got %s".formatted(expected, inputs.keySet()));
    }
    var results = call(ordered.toArray(Tensor[]::new));
    if (results.size() != outputs().size()) {
      throw new IllegalArgumentException(
          "the file does not name its %d results; call it by position".formatted(results.size()));
    }
    var named = new LinkedHashMap<String, Tensor>();
    for (int i = 0; i < results.size(); i++) named.put(outputs().get(i).name(), results.get(i));
    return named;
  }

  private void check(Tensor... inputs) {
    var expected = inputs();
    boolean fits = inputs.length == expected.size();
    for (int i = 0; fits && i < inputs.length; i++) {
      fits = expected.get(i).allows(inputs[i].type());
    }
    if (!fits) {
      var types = new ArrayList<String>();
      for (var input : inputs) types.add(input.type().toString());
      throw new IllegalArgumentException("the model takes %s; got %s".formatted(expected, types));
    }
  }

  /** Frees the model; it can't be called any more. */
  @Override
  public void close() {
    model.close();
  }
}
