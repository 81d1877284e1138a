package dev.gamelan.onednn.dnnl;

/** A status other than success. */
public final class DnnlException extends RuntimeException {
  private DnnlException(String message) {
    super(message);
  }

  static void check(String function, int status) {
    if (status == 0) return;
    var meaning =
        switch (status) {
          case 1 -> "out of memory";
          case 2 -> "invalid arguments";
          case 3 -> "unimplemented";
          default -> "status " + status;
        };
    throw new DnnlException(function + ": " + meaning);
  }
}
