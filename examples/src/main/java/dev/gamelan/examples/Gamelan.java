package dev.gamelan.examples;

import java.nio.file.FileSystemException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The commands behind the launcher. */
@Command(
    name = "gamelan",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Deep learning for the JVM: one graph, every engine.",
    subcommands = {
      Digits.class,
      Shakespeare.class,
      Regression.class,
      Sequences.class,
      Autoencoder.class,
      CustomLoop.class,
      Inspect.class,
      Parity.class,
      OnnxTest.class,
      Soak.class,
      Doctor.class
    })
public final class Gamelan {
  public static void main(String[] arguments) {
    System.exit(
        new CommandLine(new Gamelan())
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setExecutionExceptionHandler(Gamelan::explain)
            .execute(arguments));
  }

  /** What went wrong in one line; all of it with -Dgamelan.trace=true. */
  static int explain(Exception error, CommandLine command, CommandLine.ParseResult result)
      throws Exception {
    if (Boolean.getBoolean("gamelan.trace")) throw error;
    // The message of a file system's exception is the path alone.
    var message =
        error instanceof FileSystemException
            ? error.getClass().getSimpleName() + ": " + error.getMessage()
            : String.valueOf(error.getMessage());
    command.getErr().println(command.getColorScheme().errorText(message));
    return command.getCommandSpec().exitCodeOnExecutionException();
  }
}
