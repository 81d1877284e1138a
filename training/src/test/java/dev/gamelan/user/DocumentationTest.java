package dev.gamelan.user;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The pages for users are programs: all {@code java} blocks of one, in order, are compiled and run,
 * and print what its {@code text} blocks say.
 */
class DocumentationTest {
  private static final Pattern BLOCK = Pattern.compile("```(java|text)\\n(.*?)```", Pattern.DOTALL);

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"tutorial", "production"})
  void thePageRunsAndPrintsWhatItSays(String page) throws Exception {
    var text = Files.readString(Path.of("..", "docs", page + ".md"));
    var imports = new ArrayList<String>();
    var code = new ArrayList<String>();
    var outputs = new ArrayList<String>();
    var blocks = BLOCK.matcher(text);
    while (blocks.find()) {
      var block = blocks.group(2);
      if (blocks.group(1).equals("text")) {
        outputs.add(block.strip());
      } else {
        for (var line : block.split("\n", -1)) {
          if (line.startsWith("import ")) imports.add(line);
          else code.add(line);
        }
      }
    }
    assertTrue(code.size() > 40 && outputs.size() > 3, "the page has blocks");
    var printed = run(program(imports, code));
    int at = 0;
    for (var output : outputs) {
      int found = printed.indexOf(output, at);
      assertTrue(
          found >= 0,
          "'%s' is not printed, or not here; printed is:%n%s".formatted(output, printed));
      at = found + output.length();
    }
  }

  private static String program(List<String> imports, List<String> code) {
    return String.join("\n", imports)
        + "\npublic class Page {\n"
        + "  public static void main(String[] arguments) throws Exception {\n"
        + String.join("\n", code)
        + "\n  }\n}\n";
  }

  private String run(String program) throws IOException, InterruptedException {
    Files.writeString(folder.resolve("Page.java"), program);
    var output = folder.resolve("output.txt");
    var java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
    var process =
        new ProcessBuilder(java, "-ea", "-cp", System.getProperty("java.class.path"), "Page.java")
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    int status = process.waitFor();
    var printed = Files.readString(output);
    assertEquals(0, status, () -> printed + "\n" + program);
    return printed.lines().collect(Collectors.joining("\n"));
  }
}
