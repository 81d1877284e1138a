package dev.gamelan.tensor;

import java.util.List;

/** The line of the program that called into the library, where errors may name it. */
final class CallSite {
  /** Where a program does not look for its mistakes. */
  private static final List<String> LIBRARY =
      List.of(
          "java.",
          "jdk.",
          "dev.gamelan.tensor.",
          "dev.gamelan.nn.",
          "dev.gamelan.optim.",
          "dev.gamelan.train.");

  private CallSite() {}

  static String current() {
    return StackWalker.getInstance()
        .walk(
            frames ->
                frames
                    .filter(frame -> isProgram(frame.getClassName()))
                    .findFirst()
                    .map(frame -> frame.getFileName() + ":" + frame.getLineNumber())
                    .orElse("an unknown line"));
  }

  private static boolean isProgram(String name) {
    for (var prefix : LIBRARY) if (name.startsWith(prefix)) return false;
    return true;
  }
}
