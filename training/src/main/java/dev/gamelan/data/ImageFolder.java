package dev.gamelan.data;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import javax.imageio.ImageIO;

/**
 * Pictures in a folder for each class, labelled by the alphabetical order of the folders; read with
 * the JDK's ImageIO when they are asked for.
 */
public final class ImageFolder implements Dataset<ImageFolder.Labelled> {
  /** A picture and the number of its class. */
  public record Labelled(Image image, int label) {
    /** With the picture changed. */
    public Labelled with(Image other) {
      return new Labelled(other, label);
    }
  }

  private record Entry(Path file, int label) {}

  private static final long MAX_PIXELS = 1L << 26;

  /** No format that ImageIO reads packs more pixels in a byte. */
  private static final long MAX_PIXELS_PER_BYTE = 4096;

  private static final Set<String> ENDINGS = Set.of("png", "jpg", "jpeg", "gif", "bmp");

  private final List<String> classes;
  private final List<Entry> entries;

  private ImageFolder(List<String> classes, List<Entry> entries) {
    this.classes = List.copyOf(classes);
    this.entries = List.copyOf(entries);
  }

  /**
   * @throws IOException if there are no folders with pictures in it
   */
  public static ImageFolder open(Path folder) throws IOException {
    var classes = new ArrayList<String>();
    var entries = new ArrayList<Entry>();
    try (var folders = Files.list(folder)) {
      for (var ofClass : folders.filter(Files::isDirectory).sorted().toList()) {
        int label = classes.size();
        classes.add(ofClass.getFileName().toString());
        try (var files = Files.list(ofClass)) {
          files
              .filter(ImageFolder::isPicture)
              .sorted()
              .forEach(f -> entries.add(new Entry(f, label)));
        }
      }
    }
    if (entries.isEmpty()) {
      throw new IOException(
          "%s: needs a folder for each class with pictures (%s) in it".formatted(folder, ENDINGS));
    }
    return new ImageFolder(classes, entries);
  }

  private static boolean isPicture(Path file) {
    var name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return ENDINGS.contains(name.substring(name.lastIndexOf('.') + 1));
  }

  /** The names of the classes, by label. */
  public List<String> classes() {
    return classes;
  }

  /** The label of each picture, without reading it. */
  public int[] labels() {
    return entries.stream().mapToInt(Entry::label).toArray();
  }

  @Override
  public long size() {
    return entries.size();
  }

  @Override
  public Labelled get(long index) {
    var entry = entries.get(Math.toIntExact(index));
    try {
      return new Labelled(Image.of(read(entry.file())), entry.label());
    } catch (IOException | RuntimeException e) {
      // ImageIO answers broken files with many kinds of exception.
      if (e instanceof BrokenRecordException broken) throw broken;
      throw new BrokenRecordException(entry.file(), "can't be read: " + e);
    }
  }

  private static BufferedImage read(Path file) throws IOException {
    try (var in = ImageIO.createImageInputStream(file.toFile())) {
      var readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext()) {
        throw new BrokenRecordException(file, "is no picture that ImageIO reads");
      }
      var reader = readers.next();
      try {
        reader.setInput(in, true, true);
        // A forged size must not become an allocation.
        long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
        long most = Math.min(MAX_PIXELS, MAX_PIXELS_PER_BYTE * Files.size(file));
        if (pixels > most) {
          throw new BrokenRecordException(
              file, "claims %d pixels, more than %d".formatted(pixels, most));
        }
        return reader.read(0);
      } finally {
        reader.dispose();
      }
    }
  }
}
