package dev.gamelan.tensor;

/** The line of the program that called into the library, where errors may name it. */
final class CallSite {
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
    return !name.startsWith("java.")
        && !name.startsWith("jdk.")
        && !name.startsWith("dev.gamelan.tensor.")
        && !name.startsWith("dev.gamelan.nn.")
        && !name.startsWith("dev.gamelan.optim.");
  }
}
