package dev.gamelan.djl;

import ai.djl.Model;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.translate.NoopTranslator;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/** A program that knows DJL only: runs a model on numbers, whose shape is given, and prints. */
final class PlainDjl {
  private PlainDjl() {}

  /**
   * @param arguments an engine, a model's folder, its name in there, and the shape
   */
  public static void main(String[] arguments) throws Exception {
    var shape = Arrays.stream(arguments[3].split(",", -1)).mapToLong(Long::parseLong).toArray();
    var path = Path.of(arguments[1]);
    try (var model = Model.newInstance(arguments[2], arguments[0])) {
      if (Files.isDirectory(path)) model.load(path, arguments[2]);
      else model.load(Files.newInputStream(path));
      try (var predictor = model.newPredictor(new NoopTranslator(null));
          var manager = model.getNDManager().newSubManager()) {
        var size = (int) new Shape(shape).size();
        var numbers = new float[size];
        for (int i = 0; i < size; i++) numbers[i] = i / (float) size;
        var x = manager.create(numbers, new Shape(shape));
        x.setName("image");
        for (var result : predictor.predict(new NDList(x))) {
          System.out.println(
              result.getName()
                  + " = "
                  + Arrays.stream(result.toArray())
                      .map(Object::toString)
                      .collect(Collectors.joining(" ")));
        }
      }
    }
  }
}
