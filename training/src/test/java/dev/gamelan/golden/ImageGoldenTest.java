package dev.gamelan.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.Image;
import dev.gamelan.data.ImageAugmentations;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every transform of images against torchvision's of tensors. */
class ImageGoldenTest {
  /** Some 10 roundings of numbers of about 1 to f32; hue divides by differences of colours. */
  private static final double TOLERANCE = 2e-6;

  private static final Golden GOLDEN = Golden.load("images");

  private static TreeMap<String, UnaryOperator<Image>> transforms() {
    var all = new TreeMap<String, UnaryOperator<Image>>();
    all.put("image", x -> x);
    all.put("resize_smaller", x -> x.resize(5, 7));
    all.put("resize_larger", x -> x.resize(14, 20));
    all.put("resize_shorter_side", x -> x.resizeShorterSide(6));
    all.put("resize_nearest", x -> x.resizeNearest(5, 7));
    all.put("crop", x -> x.crop(2, 3, 4, 5));
    all.put("center_crop", x -> x.centerCrop(5, 6));
    all.put("center_crop_odd", x -> x.centerCrop(4, 7));
    all.put("center_crop_padded", x -> x.centerCrop(11, 8));
    all.put("flip", Image::flipHorizontal);
    all.put("flip_vertical", Image::flipVertical);
    all.put(
        "normalize",
        x ->
            x.normalize(
                new float[] {0.485f, 0.456f, 0.406f}, new float[] {0.229f, 0.224f, 0.225f}));
    all.put("grayscale", Image::grayscale);
    all.put("brightness", x -> x.adjustBrightness(1.4));
    all.put("contrast", x -> x.adjustContrast(0.6));
    all.put("saturation", x -> x.adjustSaturation(1.7));
    all.put("hue", x -> x.adjustHue(0.15));
    all.put("hue_negative", x -> x.adjustHue(-0.4));
    all.put(
        "jitter",
        x -> x.adjustBrightness(0.8).adjustContrast(1.2).adjustSaturation(0.5).adjustHue(0.05));
    return all;
  }

  private static Image original() {
    return Image.of(GOLDEN.get("image").toFloatArray(), 3, 9, 12);
  }

  @TestFactory
  Stream<DynamicTest> transformsGiveThePixelsOfTorchvision() {
    return transforms().entrySet().stream()
        .map(
            entry ->
                DynamicTest.dynamicTest(
                    entry.getKey(),
                    () ->
                        Golden.assertClose(
                            entry.getKey(),
                            GOLDEN.get(entry.getKey()),
                            entry.getValue().apply(original()).toArray().toTensor(),
                            TOLERANCE)));
  }

  @Test
  void everyGoldenCaseIsTested() {
    assertEquals(new TreeSet<>(GOLDEN.under("").keySet()), new TreeSet<>(transforms().keySet()));
  }

  @Test
  void randomTransformsGiveWhatTheirNumbersSay() {
    var random = new SplittableRandom(1);
    var image = original();
    boolean flipped = false;
    boolean kept = false;
    for (int i = 0; i < 50; i++) {
      float corner = ImageAugmentations.flip().apply(image, random).at(0, 0, 0);
      flipped |= corner == image.at(0, 0, 11);
      kept |= corner == image.at(0, 0, 0);
      var part = ImageAugmentations.crop(8, 8, 2).apply(image, random);
      assertEquals("image[3,8,8]", part.toString());
      var square = ImageAugmentations.resizedCrop(6, 0.3).apply(image, random);
      assertEquals("image[3,6,6]", square.toString());
      var jittered = ImageAugmentations.colorJitter(0.4, 0.4, 0.4, 0.1).apply(image, random);
      float pixel = jittered.at(1, 4, 4);
      assertTrue(pixel >= 0 && pixel <= 1, "pixel " + pixel);
    }
    assertTrue(flipped && kept);
  }

  @Test
  void greyPicturesChangeInBrightnessAndContrast() {
    var grey = original().grayscale();
    var jitter = ImageAugmentations.colorJitter(0.4, 0.4, 0, 0);
    var jittered = jitter.apply(grey, new SplittableRandom(2));
    assertEquals("image[1,9,12]", jittered.toString());
    assertNotEquals(grey.at(0, 4, 4), jittered.at(0, 4, 4));
    assertThrows(IllegalArgumentException.class, () -> ImageAugmentations.resizedCrop(4, 1));
  }
}
