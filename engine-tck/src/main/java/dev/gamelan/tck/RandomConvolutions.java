package dev.gamelan.tck;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Convolutions of one to three axes, of any window: libraries have kernels for some and get the
 * corners of others wrong.
 */
final class RandomConvolutions {
  /** More than two blocks of 16, as libraries store channels, and not a whole number of them. */
  private static final int MOST_CHANNELS = 36;

  private static final int FEW_CHANNELS = 4;

  private RandomConvolutions() {}

  /** Takes a picture and a filter. */
  static Graph generate(DType dtype, SplittableRandom random) {
    int axes = random.nextInt(1, 4);
    long groups = random.nextInt(4) == 0 ? random.nextInt(2, 4) : 1;
    long inEach = channels(random);
    var picture = new ArrayList<>(List.of((long) random.nextInt(1, 4), groups * inEach));
    var filter = new ArrayList<>(List.of(groups * channels(random), inEach));
    var window =
        new Window(
            each(axes, random, 1, 2),
            each(axes, random, 0, 1),
            each(axes, random, 0, 1),
            each(axes, random, 1, 2));
    for (int axis = 0; axis < axes; axis++) {
      long places = random.nextInt(1, 5);
      long extent = (places - 1) * window.dilation().get(axis) + 1;
      filter.add(places);
      picture.add(extent + random.nextInt(axes == 3 ? 4 : 9));
    }
    var types =
        List.of(new TensorType(dtype, Shape.of(picture)), new TensorType(dtype, Shape.of(filter)));
    var convolution = new Primitive.Convolution(window, groups, dtype);
    return GraphBuilder.trace(types, (g, inputs) -> g.addAll(convolution, inputs));
  }

  private static long channels(SplittableRandom random) {
    return random.nextInt(1, 1 + (random.nextBoolean() ? FEW_CHANNELS : MOST_CHANNELS));
  }

  private static List<Long> each(int axes, SplittableRandom random, int least, int most) {
    var values = new ArrayList<Long>();
    for (int i = 0; i < axes; i++) values.add((long) random.nextInt(least, most + 1));
    return values;
  }
}
