package dev.gamelan.tensorflow;

/**
 * What a user may set, as system properties; the only place that reads them.
 *
 * @param threads of the process that compute: {@code -Dgamelan.tensorflow.threads=4}, else the
 *     cores that the JVM may use
 */
record Configuration(int threads) {
  static Configuration ofSystem() {
    int threads =
        Integer.getInteger(
            "gamelan.tensorflow.threads", Runtime.getRuntime().availableProcessors());
    if (threads < 1) {
      throw new IllegalArgumentException("gamelan.tensorflow.threads: at least 1; got " + threads);
    }
    return new Configuration(threads);
  }
}
