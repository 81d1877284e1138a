package dev.gamelan.data;

import java.util.random.RandomGenerator;

/** Random changes of pictures, with torchvision's distributions. */
public final class ImageAugmentations {
  private ImageAugmentations() {}

  /** Mirrors half of the pictures. */
  public static Augmentation<Image> flip() {
    return (image, random) -> random.nextBoolean() ? image.flipHorizontal() : image;
  }

  /** A part at a random place, after {@code padding} zeros were put around the picture. */
  public static Augmentation<Image> crop(int height, int width, int padding) {
    return (image, random) -> {
      int top = place(image.height(), height, padding, random);
      int left = place(image.width(), width, padding, random);
      return image.crop(top, left, height, width);
    };
  }

  private static int place(int size, int part, int padding, RandomGenerator random) {
    int places = size + 2 * padding - part + 1;
    if (places < 1) {
      throw new IllegalArgumentException(
          "crop: a part of %d does not fit %d pixels with %d around"
              .formatted(part, size, padding));
    }
    return random.nextInt(places) - padding;
  }

  /**
   * Part of the picture with {@code minArea} to all of its area and a side ratio from 3:4 to 4:3,
   * resized to a square (Szegedy et al., arXiv:1409.4842).
   */
  public static Augmentation<Image> resizedCrop(int size, double minArea) {
    if (!(minArea > 0 && minArea < 1)) {
      throw new IllegalArgumentException(
          "resized crop: needs a smallest area between 0 and 1; got " + minArea);
    }
    return (image, random) -> {
      for (int attempt = 0; attempt < 10; attempt++) {
        double area = random.nextDouble(minArea, 1) * image.height() * image.width();
        double ratio = Math.exp(random.nextDouble(Math.log(3.0 / 4), Math.log(4.0 / 3)));
        int width = (int) Math.rint(Math.sqrt(area * ratio));
        int height = (int) Math.rint(Math.sqrt(area / ratio));
        if (width < 1 || height < 1 || width > image.width() || height > image.height()) continue;
        int top = random.nextInt(image.height() - height + 1);
        int left = random.nextInt(image.width() - width + 1);
        return image.crop(top, left, height, width).resize(size, size);
      }
      int side = Math.min(image.height(), image.width());
      return image.centerCrop(side, side).resize(size, size);
    };
  }

  /**
   * Brightness, contrast and saturation by factors from 1 − x to 1 + x, and hue by up to x of the
   * circle, in a random order. What has an x of 0 stays, so that grey pictures can be changed too.
   */
  public static Augmentation<Image> colorJitter(
      double brightness, double contrast, double saturation, double hue) {
    var ranges = new double[] {brightness, contrast, saturation, hue};
    return (image, random) -> {
      var jittered = image;
      for (long change : Sampler.permutation(ranges.length, random)) {
        double range = ranges[(int) change];
        if (range == 0) continue;
        jittered =
            switch ((int) change) {
              case 0 -> jittered.adjustBrightness(factor(range, random));
              case 1 -> jittered.adjustContrast(factor(range, random));
              case 2 -> jittered.adjustSaturation(factor(range, random));
              default -> jittered.adjustHue(range * (2 * random.nextDouble() - 1));
            };
      }
      return jittered;
    };
  }

  private static double factor(double range, RandomGenerator random) {
    return Math.max(0, 1 + range * (2 * random.nextDouble() - 1));
  }
}
