package dev.gamelan.djl;

import java.io.IOException;

/** Those of Gamelan's that this module can do without. */
enum Artifact {
  PYTORCH("gamelan-pytorch"),
  TENSORFLOW("gamelan-tensorflow"),
  MXNET("gamelan-mxnet");

  /** What needs an artifact's classes. */
  @FunctionalInterface
  interface Body<T> {
    T run() throws IOException;
  }

  private final String id;

  Artifact(String id) {
    this.id = id;
  }

  /**
   * @throws IllegalStateException naming the artifact, if it is not there
   */
  <T> T with(Body<T> body) throws IOException {
    try {
      return body.run();
    } catch (NoClassDefFoundError e) {
      throw new IllegalStateException("this needs dev.gamelan:%s; add it".formatted(id), e);
    }
  }
}
