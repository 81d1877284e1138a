package dev.gamelan.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDList;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TensorPredictorTest {
  /** As an application has it: DJL's arrays, and its default batchifier. */
  private static final class SumOf implements Translator<float[], Float> {
    @Override
    public NDList processInput(TranslatorContext context, float[] input) {
      return new NDList(context.getNDManager().create(input));
    }

    @Override
    public Float processOutput(TranslatorContext context, NDList list) {
      return list.singletonOrThrow().getFloat();
    }
  }

  @Test
  void aTranslatorOfDjlDrivesAFunctionOfOurs() throws TranslateException {
    var sums = CompiledFunction.of(in -> List.of(in.getFirst().sum(1)));
    try (var predictor = TensorPredictor.of(sums::call, new SumOf())) {
      assertEquals(6f, predictor.predict(new float[] {1, 2, 3}));
      assertEquals(1f, predictor.predict(new float[] {0.5f, 0.5f}));
    }
  }

  @Test
  void aBatchIsOneCall() throws TranslateException {
    var batches = new ArrayList<Long>();
    try (var predictor =
        TensorPredictor.of(
            in -> {
              batches.add(in.getFirst().dim(0));
              return List.<Tensor>of(in.getFirst().sum(1));
            },
            new SumOf())) {
      var results = predictor.batchPredict(List.of(new float[] {1, 2}, new float[] {3, 4}));
      assertEquals(List.of(3f, 7f), results);
    }
    assertEquals(List.of(2L), batches);
  }

  @Test
  void anErrorOfTheFunctionComesOutAsDjls() {
    try (var predictor =
        TensorPredictor.<float[], Float>of(
            in -> {
              throw new IllegalArgumentException("no such label");
            },
            new SumOf())) {
      var e = assertThrows(TranslateException.class, () -> predictor.predict(new float[] {1}));
      assertEquals("no such label", e.getCause().getMessage());
    }
  }
}
