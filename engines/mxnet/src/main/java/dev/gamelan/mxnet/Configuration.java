package dev.gamelan.mxnet;

/**
 * What a user may set, as system properties; the only place that reads them.
 *
 * @param threads that an op may use: {@code -Dgamelan.mxnet.threads=4}, else the cores that the JVM
 *     may use
 */
record Configuration(int threads) {
  static Configuration ofSystem() {
    int threads =
        Integer.getInteger("gamelan.mxnet.threads", Runtime.getRuntime().availableProcessors());
    if (threads < 1) {
      throw new IllegalArgumentException("gamelan.mxnet.threads: at least 1; got " + threads);
    }
    return new Configuration(threads);
  }
}
