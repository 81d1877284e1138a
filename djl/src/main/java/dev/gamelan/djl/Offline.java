package dev.gamelan.djl;

/** DJL fetches the libraries that it misses, unless it is told not to. */
final class Offline {
  private static final String PROPERTY = "ai.djl.offline";

  private Offline() {}

  /** Before DJL loads an engine: offline, unless the user said otherwise. */
  static void byDefault() {
    if (System.getProperty(PROPERTY) == null && System.getenv("DJL_OFFLINE") == null) {
      System.setProperty(PROPERTY, "true");
    }
  }
}
