package dev.gamelan.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.io.HostArray;
import dev.gamelan.io.Idx;
import dev.gamelan.io.Npy;
import dev.gamelan.io.SafeTensors;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SourcesTest {
  @TempDir Path folder;

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private static void assertBroken(String message, Dataset<?> dataset, long index) {
    var error = assertThrows(BrokenRecordException.class, () -> dataset.get(index));
    assertTrue(error.getMessage().endsWith(message), error.getMessage());
  }

  @Test
  void rowsOfCsvAreReadByColumn() throws IOException {
    var csv = Csv.open(write("a.csv", "name,x,y\n\"Smith, J\",1.5,2\nDoe,3e2,-4\n"));
    assertEquals(List.of("name", "x", "y"), csv.columns());
    assertEquals(2, csv.size());
    assertEquals("Smith, J", csv.get(0).text("name"));
    assertArrayEquals(new float[] {300, -4}, csv.get(1).numbers(List.of("x", "y")));
  }

  @Test
  void brokenRowsNameFileAndLine() throws IOException {
    // The quoted field of line 2 goes on in line 3, so that the rows begin in lines 2, 4 and 5.
    var csv = Csv.open(write("b.csv", "x,y\n\"1\n2\",3\n4\nfive,6\n"));
    assertEquals(2, csv.get(0).line());
    assertBroken("b.csv:4: has 1 values for 2 columns", csv, 1);
    assertBroken(
        "b.csv:5: column 'x' is 'five', which is no number", csv.map(r -> r.number("x")), 2);
    var error = assertThrows(IllegalArgumentException.class, () -> csv.get(0).number("z"));
    assertTrue(error.getMessage().contains("no column 'z'; it has [x, y]"), error.getMessage());
  }

  @Test
  void byteOrderMarksOfSpreadsheetsAreNoPartOfTheText() throws IOException {
    var csv = Csv.open(write("mark.csv", "\uFEFFx,y\n1,2\n"));
    assertEquals(List.of("x", "y"), csv.columns());
    assertEquals("one", LineFile.open(write("mark.txt", "\uFEFFone\ntwo")).get(0));
    assertEquals(0, LineFile.open(write("only.txt", "\uFEFF")).size());
  }

  @Test
  void whatIsNoCsvIsRefused() throws IOException {
    var empty = write("empty.csv", "");
    assertThrows(IOException.class, () -> Csv.open(empty));
    var twice = write("twice.csv", "a,a\n1,2\n");
    assertThrows(IOException.class, () -> Csv.open(twice));
    var open = write("open.csv", "a,b\n\"1,2\n");
    assertThrows(IOException.class, () -> Csv.open(open));
    var latin =
        Files.write(folder.resolve("l.csv"), "a\n\u00e9".getBytes(StandardCharsets.ISO_8859_1));
    var error = assertThrows(IOException.class, () -> Csv.open(latin));
    assertTrue(error.getMessage().contains("no UTF-8"), error.getMessage());
  }

  @Test
  void linesAreReadByNumberWithoutTheirEnds() throws IOException {
    var lines = LineFile.open(write("a.txt", "one\r\ntwo\n\nfour"));
    assertEquals(4, lines.size());
    assertEquals("one", lines.get(0));
    assertEquals("", lines.get(2));
    assertEquals("four", lines.get(3));
    assertEquals(0, LineFile.open(write("empty.txt", "")).size());
  }

  @Test
  void jsonLinesNameTheBrokenLine() throws IOException {
    var json = JsonLines.open(write("a.jsonl", "{\"a\": [1, 2]}\n{\"a\": \n\n1 2\n"));
    assertEquals(2, json.get(0).path("a").path(1).asInt());
    var error = assertThrows(BrokenRecordException.class, () -> json.get(1));
    assertTrue(error.getMessage().contains("a.jsonl:2: is no JSON"), error.getMessage());
    assertBroken("a.jsonl:3: is empty", json, 2);
    assertThrows(BrokenRecordException.class, () -> json.get(3));
  }

  @Test
  void windowsOfTokensAreFollowedByTheirNext() {
    var windows = new TokenWindows(new int[] {5, 6, 7, 8}, 2);
    assertEquals(2, windows.size());
    assertArrayEquals(new int[] {6, 7}, windows.get(1).columns().get(0).toInts());
    assertArrayEquals(new int[] {7, 8}, windows.get(1).columns().get(1).toInts());
    var error = assertThrows(IllegalArgumentException.class, () -> new TokenWindows(new int[3], 3));
    assertTrue(error.getMessage().contains("needs at least 4 tokens; got 3"), error.getMessage());
  }

  @Test
  void filesOfArraysAreDatasetsWithoutBeingRead() throws IOException {
    var x = folder.resolve("x.npy");
    var y = folder.resolve("y.idx");
    var w = folder.resolve("w.safetensors");
    Npy.write(x, HostArray.of(new float[] {1, 2, 3, 4, 5, 6}, 3, 2));
    Idx.write(y, HostArray.of(new int[] {7, 8, 9}));
    SafeTensors.writeArrays(w, Map.of("w", HostArray.of(new float[] {0.1f, 0.2f, 0.3f})), Map.of());
    try (var mapped = SafeTensors.open(w)) {
      var data = ArrayDataset.of(Npy.read(x), Idx.read(y), mapped.arrays().get("w"));
      var batch = DataLoader.of(data.subset(new long[] {2, 0}), 2).epoch(0).iterator().next();
      assertArrayEquals(new float[] {5, 6, 1, 2}, batch.input().toFloatArray());
      assertArrayEquals(new int[] {9, 7}, batch.target().toIntArray());
      assertArrayEquals(new float[] {0.3f, 0.1f}, batch.column(2).toFloatArray());
    }
  }

  @Test
  void charactersBecomeTokensAndBack() {
    // Code points, not chars: the clef is one character of two chars.
    var vocabulary = CharacterVocabulary.of("b\uD834\uDD1Ea b");
    assertEquals(4, vocabulary.size());
    var tokens = vocabulary.encode("ab\uD834\uDD1E");
    assertArrayEquals(new int[] {1, 2, 3}, tokens);
    assertEquals("ab\uD834\uDD1E", vocabulary.decode(tokens));
    var error = assertThrows(IllegalArgumentException.class, () -> vocabulary.encode("z"));
    assertTrue(error.getMessage().contains("no 'z'"), error.getMessage());
  }

  private void picture(String path, int rgb) throws IOException {
    var file = folder.resolve(path);
    Files.createDirectories(file.getParent());
    var picture = new BufferedImage(3, 2, BufferedImage.TYPE_INT_RGB);
    picture.setRGB(2, 1, rgb);
    ImageIO.write(picture, "png", file.toFile());
  }

  @Test
  void picturesAreLabelledByTheirFolder() throws IOException {
    picture("images/dog/1.png", 0xff0000);
    picture("images/cat/1.PNG", 0x0000ff);
    Files.writeString(folder.resolve("images/cat/readme.txt"), "not a picture");
    var images = ImageFolder.open(folder.resolve("images"));
    assertEquals(List.of("cat", "dog"), images.classes());
    assertArrayEquals(new int[] {0, 1}, images.labels());
    assertEquals("image[3,2,3]", images.get(0).image().toString());
    assertEquals(1f, images.get(0).image().at(2, 1, 2));
    assertEquals(1f, images.get(1).image().at(0, 1, 2));
    assertEquals(0f, images.get(1).image().at(1, 1, 2));
  }

  @Test
  void brokenPicturesNameTheFile() throws IOException {
    picture("images/a/1.png", 0);
    var file = folder.resolve("images/a/1.png");
    var good = Files.readAllBytes(file);
    var huge = good.clone();
    huge[16] = 0x40; // Bytes 16 to 23 of a PNG are its width and height.
    huge[20] = 0x40;
    var torn = Arrays.copyOf(good, 40);
    for (var bytes : List.of(huge, torn, new byte[] {1, 2, 3}, new byte[0])) {
      Files.write(file, bytes);
      var images = ImageFolder.open(folder.resolve("images"));
      var error = assertThrows(BrokenRecordException.class, () -> images.get(0));
      assertTrue(error.getMessage().contains("1.png: "), error.getMessage());
    }
    Files.delete(file);
    assertThrows(IOException.class, () -> ImageFolder.open(folder.resolve("images")));
  }
}
