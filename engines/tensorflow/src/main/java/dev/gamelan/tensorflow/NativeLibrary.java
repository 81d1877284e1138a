package dev.gamelan.tensorflow;

import dev.gamelan.engine.NativeCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** TensorFlow's shared objects, out of their artifact. */
final class NativeLibrary {
  /** Of the artifact, with TensorFlow 2.18. */
  private static final String VERSION = "1.1.0";

  static final String ARTIFACT =
      "org.tensorflow:tensorflow-core-native:%s:linux-x86_64".formatted(VERSION);
  static final String MAIN = "libtensorflow_cc.so.2";
  static final String FRAMEWORK = "libtensorflow_framework.so.2";

  private static final String RESOURCES = "org/tensorflow/internal/c_api/linux-x86_64/";

  private NativeLibrary() {}

  static boolean isOnClassPath() {
    return NativeLibrary.class.getClassLoader().getResource(RESOURCES + MAIN) != null;
  }

  /**
   * The folder with the files: of the copy that TensorFlow for Java has loaded, if it has, since a
   * process can't hold two; else our own.
   */
  static Path folder() throws IOException {
    var loaded = NativeCache.loaded(MAIN);
    if (loaded.isPresent()) return loaded.get();
    var folder = "tensorflow-%s-linux-x86_64".formatted(VERSION);
    return new NativeCache(RESOURCES, folder, ARTIFACT).unpacked(List.of(FRAMEWORK, MAIN));
  }
}
