package dev.gamelan.io;

import static org.junit.jupiter.api.Assertions.fail;

import dev.gamelan.data.BrokenRecordException;
import dev.gamelan.data.Csv;
import dev.gamelan.data.Dataset;
import dev.gamelan.data.ImageFolder;
import dev.gamelan.data.JsonLines;
import dev.gamelan.data.LineFile;
import dev.gamelan.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever is in a file, a parser gives a value or an {@link IOException}, a dataset also a {@link
 * BrokenRecordException}; nothing else. {@code -Dgamelan.fuzz.inputs=1000000} tries more.
 */
class ParserFuzzTest {
  private static final int INPUTS = Integer.getInteger("gamelan.fuzz.inputs", 10_000);

  /** Reads a file whole. */
  @FunctionalInterface
  private interface Parser {
    void parse(Path file) throws IOException;
  }

  /** Good files, which mutations begin from. */
  private record Format(String name, List<byte[]> seeds, Parser parser) {}

  @TempDir Path folder;

  @TestFactory
  Stream<DynamicTest> mutatedFilesEndInAValueOrADocumentedException() throws IOException {
    var formats = formats();
    return formats.stream()
        .map(
            format ->
                DynamicTest.dynamicTest(
                    format.name(), () -> fuzz(format, INPUTS / formats.size() + 1)));
  }

  private List<Format> formats() throws IOException {
    var array = HostArray.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3);
    var tensors = new LinkedHashMap<String, Tensor>();
    tensors.put("a.weight", array.toTensor());
    tensors.put("b", Tensor.of(new int[] {1}));
    SafeTensors.write(folder.resolve("s"), tensors, Map.of("k", "v"));
    Npy.write(folder.resolve("n"), array);
    Npz.write(folder.resolve("z"), Map.of("a", array, "b", HostArray.scalar(1)));
    Idx.write(folder.resolve("i"), array);
    return List.of(
        new Format("safetensors", List.of(read("s")), file -> SafeTensors.read(file)),
        new Format("npy", List.of(read("n")), file -> Npy.read(file).toFloats()),
        new Format("npz", List.of(read("z")), file -> Npz.read(file)),
        new Format(
            "idx",
            List.of(read("i")),
            file -> Idx.read(new ByteArrayInputStream(Files.readAllBytes(file)), "idx")),
        new Format(
            "csv",
            List.of(text("a,b\n1,2\n\"x\"\"y\",\"3\n4\"\n")),
            file -> {
              var csv = Csv.open(file);
              readAll(csv.map(row -> row.number(csv.columns().getFirst())));
            }),
        new Format(
            "json lines",
            List.of(text("{\"a\":[1,2.5e3,null]}\n\"\\u00e9\"\ntrue\n")),
            file -> readAll(JsonLines.open(file))),
        new Format("pictures", List.of(png()), this::readPicture),
        new Format(
            "lines", List.of(text("one\r\ntwo\n\u00e9\n")), file -> readAll(LineFile.open(file))));
  }

  private static byte[] png() throws IOException {
    var png = new ByteArrayOutputStream();
    ImageIO.write(new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB), "png", png);
    return png.toByteArray();
  }

  private void readPicture(Path file) throws IOException {
    var picture = folder.resolve("images").resolve("a").resolve("a.png");
    Files.createDirectories(picture.getParent());
    Files.copy(file, picture, StandardCopyOption.REPLACE_EXISTING);
    readAll(ImageFolder.open(folder.resolve("images")));
  }

  private byte[] read(String name) throws IOException {
    return Files.readAllBytes(folder.resolve(name));
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void readAll(Dataset<?> dataset) {
    for (long i = 0; i < dataset.size(); i++) {
      try {
        dataset.get(i);
      } catch (BrokenRecordException e) {
        // Documented: the record is broken, and the next may be whole.
      }
    }
  }

  private void fuzz(Format format, int inputs) throws IOException {
    var random = new SplittableRandom(format.name().hashCode());
    var file = folder.resolve("fuzzed");
    for (int i = 0; i < inputs; i++) {
      var bytes = mutated(format.seeds().get(random.nextInt(format.seeds().size())), random);
      Files.write(file, bytes);
      try {
        format.parser().parse(file);
      } catch (IOException e) {
        // Documented.
        if (e.getMessage() == null) fail("no message for " + HexFormat.of().formatHex(bytes), e);
      } catch (RuntimeException | Error e) {
        fail("%s %s".formatted(format.name(), HexFormat.of().formatHex(bytes)), e);
      }
    }
  }

  private static final byte[][] PIECES = {
    text("9999999999999999999"), text("-1"), text("[["), text("\""), text("}"), text(","), {0}, {-1}
  };

  private static byte[] mutated(byte[] seed, SplittableRandom random) {
    var bytes = seed;
    for (int changes = 1 + random.nextInt(4); changes > 0; changes--) {
      int at = random.nextInt(bytes.length + 1);
      bytes =
          switch (random.nextInt(6)) {
            case 0 -> Arrays.copyOf(bytes, at);
            case 1 -> spliced(bytes, at, 0, PIECES[random.nextInt(PIECES.length)]);
            case 2 -> spliced(bytes, at, random.nextInt(8), new byte[0]);
            case 3 -> {
              int from = random.nextInt(bytes.length + 1);
              int to = Math.min(bytes.length, from + random.nextInt(24));
              yield spliced(bytes, at, 0, Arrays.copyOfRange(bytes, from, to));
            }
            default -> {
              var flipped = new byte[] {(byte) random.nextInt(256)};
              yield spliced(bytes, at, 1, flipped);
            }
          };
    }
    return bytes;
  }

  /** With {@code insert} in the place of {@code removed} bytes. */
  private static byte[] spliced(byte[] bytes, int at, int removed, byte[] insert) {
    int rest = Math.min(at + removed, bytes.length);
    var spliced = Arrays.copyOf(bytes, at + insert.length + bytes.length - rest);
    System.arraycopy(insert, 0, spliced, at, insert.length);
    System.arraycopy(bytes, rest, spliced, at + insert.length, bytes.length - rest);
    return spliced;
  }
}
