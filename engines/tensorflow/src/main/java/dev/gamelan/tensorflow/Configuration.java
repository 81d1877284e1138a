package dev.gamelan.tensorflow;

import java.util.List;

/**
 * What a user may set, as system properties; the only place that reads them.
 *
 * @param threads of the process that compute: {@code -Dgamelan.tensorflow.threads=4}, else the
 *     cores that the JVM may use
 * @param lowering {@code -Dgamelan.tensorflow.lowering=graph} or {@code xla} forces one, else
 *     {@code auto}
 */
record Configuration(int threads, Lowering lowering) {
  private static final int CONFIG_INTRA_OP_THREADS = 2;
  private static final int CONFIG_INTER_OP_THREADS = 5;

  static Configuration ofSystem() {
    int threads =
        Integer.getInteger(
            "gamelan.tensorflow.threads", Runtime.getRuntime().availableProcessors());
    if (threads < 1) {
      throw new IllegalArgumentException("gamelan.tensorflow.threads: at least 1; got " + threads);
    }
    var lowering = System.getProperty("gamelan.tensorflow.lowering", "auto");
    for (var choice : Lowering.values()) {
      if (choice.toString().equals(lowering)) return new Configuration(threads, choice);
    }
    throw new IllegalArgumentException(
        "gamelan.tensorflow.lowering: one of %s; got %s"
            .formatted(List.of(Lowering.values()), lowering));
  }

  /**
   * A ConfigProto for every session: ops run in the thread of the caller, and share the threads
   * they split on.
   */
  byte[] session() {
    return new ProtoWriter()
        .number(CONFIG_INTRA_OP_THREADS, threads)
        .number(CONFIG_INTER_OP_THREADS, -1)
        .toBytes();
  }
}
