package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;

/** Pictures of files, decoded on the host by the JDK: JPEG, PNG, BMP, TIFF, GIF. */
final class ImageOperators {
  private static final long MAX_PIXELS = 1 << 26;

  private ImageOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(entry("ImageDecoder", ImageOperators::decode));
  }

  private static List<Operand> decode(OpContext n) {
    var encoded = n.longs(0);
    var bytes = new byte[encoded.length];
    for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) encoded[i];
    var image = read(n, bytes);
    var format = n.text("pixel_format", "RGB");
    int channels = format.equals("Grayscale") ? 1 : 3;
    var pixels = new long[image.getHeight() * image.getWidth() * channels];
    int at = 0;
    for (int y = 0; y < image.getHeight(); y++) {
      for (int x = 0; x < image.getWidth(); x++) {
        int rgb = image.getRGB(x, y);
        int red = rgb >> 16 & 0xff;
        int green = rgb >> 8 & 0xff;
        int blue = rgb & 0xff;
        switch (format) {
          case "RGB", "BGR" -> {
            pixels[at++] = format.equals("RGB") ? red : blue;
            pixels[at++] = green;
            pixels[at++] = format.equals("RGB") ? blue : red;
          }
          // The luma of ITU-R BT.601.
          case "Grayscale" -> pixels[at++] = (299L * red + 587L * green + 114L * blue + 500) / 1000;
          default -> throw n.error("has pixel_format '%s'".formatted(format));
        }
      }
    }
    var type = TensorType.of(DType.U8, image.getHeight(), image.getWidth(), channels);
    return List.of(new Operand.Known(Array.of(type, pixels)));
  }

  private static BufferedImage read(OpContext n, byte[] bytes) {
    try (var stream = ImageIO.createImageInputStream(new ByteArrayInputStream(bytes))) {
      var readers = ImageIO.getImageReaders(stream);
      if (!readers.hasNext()) {
        throw n.error("has a picture of a format that the JDK does not read");
      }
      var reader = readers.next();
      reader.setInput(stream);
      long size = (long) reader.getWidth(0) * reader.getHeight(0);
      if (size > MAX_PIXELS) throw n.error("has a picture of %d pixels".formatted(size));
      return reader.read(0);
    } catch (IOException e) {
      throw n.error("has a picture that can't be read: " + e.getMessage());
    }
  }
}
