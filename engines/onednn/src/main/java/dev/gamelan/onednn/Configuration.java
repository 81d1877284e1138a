package dev.gamelan.onednn;

import dev.gamelan.onednn.code.Isa;
import java.util.Locale;

/**
 * What a user may set, as system properties; the only place that reads them.
 *
 * @param isa the most that machine code uses: {@code -Dgamelan.onednn.isa=avx2}
 * @param threads the budget of the process: {@code -Dgamelan.onednn.threads=4}, else the cores that
 *     the JVM may use
 * @param library whether to use oneDNN's library: {@code -Dgamelan.onednn.library=false}
 */
record Configuration(Isa isa, int threads, boolean library) {
  static Configuration ofSystem() {
    var isa = System.getProperty("gamelan.onednn.isa", Isa.AVX512.toString());
    int threads =
        Integer.getInteger("gamelan.onednn.threads", Runtime.getRuntime().availableProcessors());
    if (threads < 1) {
      throw new IllegalArgumentException("gamelan.onednn.threads: at least 1; got " + threads);
    }
    boolean library = !"false".equals(System.getProperty("gamelan.onednn.library"));
    return new Configuration(Isa.valueOf(isa.toUpperCase(Locale.ROOT)), threads, library);
  }
}
