package dev.gamelan.djl;

import ai.djl.Model;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.translate.NoopTranslator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/** A program that knows DJL only: runs a file on numbers, whose shape is given, and prints. */
final class PlainDjl {
  private PlainDjl() {}

  public static void main(String[] arguments) throws Exception {
    var shape = Arrays.stream(arguments[1].split(",", -1)).mapToLong(Long::parseLong).toArray();
    try (var model = Model.newInstance("exported", "PyTorch");
        var in = Files.newInputStream(Path.of(arguments[0]))) {
      model.load(in);
      try (var predictor = model.newPredictor(new NoopTranslator(null));
          var manager = model.getNDManager().newSubManager()) {
        var size = (int) new Shape(shape).size();
        var numbers = new float[size];
        for (int i = 0; i < size; i++) numbers[i] = i / (float) size;
        var x = manager.create(numbers, new Shape(shape));
        for (var result : predictor.predict(new NDList(x))) {
          System.out.println(
              Arrays.stream(result.toArray())
                  .map(Object::toString)
                  .collect(Collectors.joining(" ")));
        }
      }
    }
  }
}
