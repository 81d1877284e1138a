package dev.gamelan.djl;

import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Blocks;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import dev.gamelan.tensor.Tensor;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * DJL's predictor with a Gamelan function in place of the model: translators stay as they are, with
 * their batchifiers, and their arrays are those of DJL's default engine.
 *
 * <pre>{@code
 * var layer = CompiledFunction.of(inputs -> List.of(classifier.call(inputs.getFirst())));
 * try (var predictor = TensorPredictor.of(layer::call, translator)) {
 *   var labels = predictor.predict(image);
 * }
 * }</pre>
 */
public final class TensorPredictor<I, O> extends Predictor<I, O> {
  private final UnaryOperator<List<Tensor>> function;

  private TensorPredictor(
      Model model, UnaryOperator<List<Tensor>> function, Translator<I, O> translator) {
    super(model, translator, model.getNDManager().getDevice(), false);
    this.function = function;
  }

  /**
   * @param function takes what the translator makes of an input, and gives what it reads
   */
  public static <I, O> TensorPredictor<I, O> of(
      UnaryOperator<List<Tensor>> function, Translator<I, O> translator) {
    Offline.byDefault();
    var model = Model.newInstance("gamelan");
    model.setBlock(Blocks.identityBlock());
    return new TensorPredictor<>(model, function, translator);
  }

  @Override
  protected NDList predictInternal(TranslatorContext context, NDList inputs) {
    var outputs = function.apply(DjlArrays.toTensors(inputs));
    return DjlArrays.toArrays(outputs, context.getNDManager());
  }

  @Override
  public void close() {
    super.close();
    model.close();
  }
}
