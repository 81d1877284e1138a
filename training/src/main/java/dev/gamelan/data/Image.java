package dev.gamelan.data;

import dev.gamelan.io.HostArray;
import java.awt.image.BufferedImage;
import java.util.Arrays;

/**
 * A picture as f32 [channels, height, width], from 0 to 1; immutable. Sizes and colours change as
 * torchvision's transforms of tensors do.
 */
public final class Image {
  private final int channels;
  private final int height;
  private final int width;
  private final float[] pixels;

  private Image(int channels, int height, int width, float[] pixels) {
    this.channels = channels;
    this.height = height;
    this.width = width;
    this.pixels = pixels;
  }

  public static Image of(float[] pixels, int channels, int height, int width) {
    if (channels < 1 || height < 1 || width < 1) {
      throw new IllegalArgumentException(
          "image: needs positive sizes; got [%d, %d, %d]".formatted(channels, height, width));
    }
    if ((long) channels * height * width != pixels.length) {
      throw new IllegalArgumentException(
          "image: [%d, %d, %d] has %d pixels; got %d"
              .formatted(channels, height, width, (long) channels * height * width, pixels.length));
    }
    return new Image(channels, height, width, pixels.clone());
  }

  /** Red, green and blue; transparency is left out. */
  public static Image of(BufferedImage picture) {
    int height = picture.getHeight();
    int width = picture.getWidth();
    var rgb = picture.getRGB(0, 0, width, height, null, 0, width);
    var pixels = new float[3 * height * width];
    for (int channel = 0; channel < 3; channel++) {
      int shift = 16 - 8 * channel;
      int from = channel * rgb.length;
      for (int i = 0; i < rgb.length; i++) pixels[from + i] = (rgb[i] >> shift & 0xff) / 255f;
    }
    return new Image(3, height, width, pixels);
  }

  /** One channel becomes grey. Values are cut to [0, 1]. */
  public BufferedImage toBufferedImage() {
    var picture = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        int rgb = 0;
        for (int c = 0; c < 3; c++) {
          float value = Math.clamp(at(Math.min(c, channels - 1), y, x), 0, 1);
          rgb = rgb << 8 | Math.round(value * 255);
        }
        picture.setRGB(x, y, rgb);
      }
    }
    return picture;
  }

  public int channels() {
    return channels;
  }

  public int height() {
    return height;
  }

  public int width() {
    return width;
  }

  public float at(int channel, int y, int x) {
    return pixels[(channel * height + y) * width + x];
  }

  /** f32[channels, height, width]. */
  public HostArray toArray() {
    return HostArray.of(pixels.clone(), channels, height, width);
  }

  /** What stands at (channel, y, x) of the result. */
  @FunctionalInterface
  interface Pixel {
    float at(int channel, int y, int x);
  }

  static Image fill(int channels, int height, int width, Pixel pixel) {
    var pixels = new float[channels * height * width];
    int at = 0;
    for (int c = 0; c < channels; c++) {
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) pixels[at++] = pixel.at(c, y, x);
      }
    }
    return new Image(channels, height, width, pixels);
  }

  // ---- geometry

  /** To another size, linearly between pixels and without aliasing. */
  public Image resize(int newHeight, int newWidth) {
    return ImageResize.linear(this, newHeight, newWidth);
  }

  /** To the size where the shorter side is {@code size}; the other keeps the proportion. */
  public Image resizeShorterSide(int size) {
    return height <= width
        ? resize(size, (int) ((long) size * width / height))
        : resize((int) ((long) size * height / width), size);
  }

  /** To another size by taking the nearest pixel. */
  public Image resizeNearest(int newHeight, int newWidth) {
    return fill(
        channels,
        newHeight,
        newWidth,
        (c, y, x) -> at(c, y * height / newHeight, x * width / newWidth));
  }

  /** A part; what lies outside of the picture is 0. */
  public Image crop(int top, int left, int newHeight, int newWidth) {
    return fill(
        channels,
        newHeight,
        newWidth,
        (c, y, x) -> {
          int row = top + y;
          int column = left + x;
          boolean inside = row >= 0 && row < height && column >= 0 && column < width;
          return inside ? at(c, row, column) : 0;
        });
  }

  /** The middle; a larger size than the picture's gets zeros around it. */
  public Image centerCrop(int newHeight, int newWidth) {
    return crop(margin(height, newHeight), margin(width, newWidth), newHeight, newWidth);
  }

  /** Half of what is left over, rounded as torchvision does: halves to the even number. */
  private static int margin(int size, int newSize) {
    return newSize > size ? -((newSize - size) / 2) : (int) Math.rint((size - newSize) / 2.0);
  }

  public Image flipHorizontal() {
    return fill(channels, height, width, (c, y, x) -> at(c, y, width - 1 - x));
  }

  public Image flipVertical() {
    return fill(channels, height, width, (c, y, x) -> at(c, height - 1 - y, x));
  }

  // ---- colour

  /** (x − mean) / deviation, for each channel. */
  public Image normalize(float[] mean, float[] deviation) {
    if (mean.length != channels || deviation.length != channels) {
      throw new IllegalArgumentException(
          "normalize: needs a mean and deviation for each of %d channels; got %s and %s"
              .formatted(channels, Arrays.toString(mean), Arrays.toString(deviation)));
    }
    return fill(channels, height, width, (c, y, x) -> (at(c, y, x) - mean[c]) / deviation[c]);
  }

  /** One channel with the luminance of red, green and blue (ITU-R 601). */
  public Image grayscale() {
    requireColour("grayscale");
    return fill(
        1,
        height,
        width,
        (c, y, x) -> 0.2989f * at(0, y, x) + 0.587f * at(1, y, x) + 0.114f * at(2, y, x));
  }

  /** Multiplies by {@code factor}. */
  public Image adjustBrightness(double factor) {
    return fill(channels, height, width, (c, y, x) -> blend(at(c, y, x), 0, factor));
  }

  /** Away from the mean grey for a factor above 1, towards it below. */
  public Image adjustContrast(double factor) {
    var gray = channels == 3 ? grayscale() : this;
    double sum = 0;
    for (float pixel : gray.pixels) sum += pixel;
    float mean = (float) (sum / gray.pixels.length);
    return fill(channels, height, width, (c, y, x) -> blend(at(c, y, x), mean, factor));
  }

  /** Away from grey for a factor above 1, towards it below. */
  public Image adjustSaturation(double factor) {
    var gray = grayscale();
    return fill(channels, height, width, (c, y, x) -> blend(at(c, y, x), gray.at(0, y, x), factor));
  }

  private static float blend(float pixel, float other, double factor) {
    return Math.clamp((float) (factor * pixel + (1 - factor) * other), 0, 1);
  }

  /**
   * Turns the hue.
   *
   * @param turn from −0.5 to 0.5, as a part of the circle
   */
  public Image adjustHue(double turn) {
    requireColour("hue");
    if (!(turn >= -0.5 && turn <= 0.5)) {
      throw new IllegalArgumentException("hue: needs a turn from -0.5 to 0.5; got " + turn);
    }
    var turned = new float[pixels.length];
    int area = height * width;
    for (int i = 0; i < area; i++) {
      var rgb = Hue.turned(pixels[i], pixels[area + i], pixels[2 * area + i], turn);
      for (int c = 0; c < 3; c++) turned[c * area + i] = rgb[c];
    }
    return new Image(channels, height, width, turned);
  }

  private void requireColour(String what) {
    if (channels != 3) {
      throw new IllegalArgumentException(
          "%s: needs red, green and blue; got %d channels".formatted(what, channels));
    }
  }

  /** The sizes. */
  @Override
  public String toString() {
    return "image[%d,%d,%d]".formatted(channels, height, width);
  }
}
