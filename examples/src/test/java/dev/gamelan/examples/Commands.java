package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/** Runs commands as the launcher does. */
final class Commands {
  private Commands() {}

  /** What a command that succeeds prints. */
  static String output(String... arguments) {
    var bytes = new ByteArrayOutputStream();
    var standard = System.out;
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      assertEquals(0, new CommandLine(new Gamelan()).execute(arguments));
    } finally {
      System.setOut(standard);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** What a command that fails says. */
  static String error(String... arguments) {
    var error = new StringWriter();
    int status =
        new CommandLine(new Gamelan())
            .setErr(new PrintWriter(error))
            .setExecutionExceptionHandler(Gamelan::explain)
            .execute(arguments);
    assertEquals(1, status, error.toString());
    return error.toString();
  }

  static String lastLine(String text) {
    return text.lines().reduce("", (before, line) -> line);
  }
}
