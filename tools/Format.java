import com.google.googlejavaformat.java.Formatter;
import com.google.googlejavaformat.java.ImportOrderer;
import com.google.googlejavaformat.java.JavaFormatterOptions;
import com.google.googlejavaformat.java.RemoveUnusedImports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Checks ({@code --check}) or rewrites ({@code --write}) every Java file in google-java-format. */
public final class Format {
  public static void main(String[] arguments) throws IOException {
    boolean write = List.of(arguments).contains("--write");
    List<Path> files;
    try (var tree = Files.walk(Path.of("."))) {
      files =
          tree.filter(path -> path.toString().endsWith(".java"))
              .filter(path -> !path.toString().contains("/target/"))
              .toList();
    }
    var differing = files.parallelStream().filter(file -> differs(file, write)).sorted().toList();
    for (var file : differing) {
      System.err.println((write ? "formatted " : "not formatted: ") + file);
    }
    if (!write && !differing.isEmpty()) {
      System.err.println("run: ./gamelan format");
      System.exit(1);
    }
  }

  private static boolean differs(Path file, boolean write) {
    try {
      var source = Files.readString(file);
      var ordered =
          ImportOrderer.reorderImports(
              RemoveUnusedImports.removeUnusedImports(source), JavaFormatterOptions.Style.GOOGLE);
      var formatted = new Formatter().formatSource(ordered);
      if (formatted.equals(source)) return false;
      if (write) Files.writeString(file, formatted);
      return true;
    } catch (Exception e) {
      throw new IllegalStateException(file + ": " + e.getMessage(), e);
    }
  }
}
