package dev.gamelan.mxnet;

import dev.gamelan.engine.NativeCache;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** MXNet's shared objects, out of their artifact. */
final class NativeLibrary {
  private static final String VERSION = "1.9.1";

  static final String ARTIFACT = "ai.djl.mxnet:mxnet-native-mkl:%s:linux-x86_64".formatted(VERSION);
  static final String MAIN = "libmxnet.so";

  private static final String RESOURCES = "native/lib/";

  /** What the library is linked against; it looks for them in its own folder. */
  private static final List<String> OTHERS =
      List.of("libgomp.so.1", "libopenblas.so.0", "libgfortran.so.3", "libquadmath.so.0");

  private NativeLibrary() {}

  static boolean isOnClassPath() {
    return NativeLibrary.class.getClassLoader().getResource(RESOURCES + MAIN) != null;
  }

  /** The folder with the files: of the copy that DJL has loaded, if it has; else our own. */
  static Path folder() throws IOException {
    var loaded = NativeCache.loaded(MAIN);
    if (loaded.isPresent()) return loaded.get();
    var folder = "mxnet-%s-linux-x86_64".formatted(VERSION);
    var files = new ArrayList<>(OTHERS);
    files.add(MAIN);
    return new NativeCache(RESOURCES, folder, ARTIFACT).unpacked(files);
  }
}
