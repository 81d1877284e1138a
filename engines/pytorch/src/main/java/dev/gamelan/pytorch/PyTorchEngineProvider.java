package dev.gamelan.pytorch;

import dev.gamelan.engine.Engine;
import dev.gamelan.engine.EngineProvider;
import java.io.IOException;
import java.net.URL;
import java.util.Collections;
import java.util.Locale;
import java.util.Optional;
import java.util.Properties;

/**
 * Offers the engine where its native libraries are on the class path. DJL would download others:
 * what it would look for is looked for here first, and the engine is not offered without it.
 */
public final class PyTorchEngineProvider implements EngineProvider {
  private static final String LIBRARY = "native/lib/pytorch.properties";
  private static final String JNI = "jnilib/pytorch.properties";

  @Override
  public String name() {
    return PyTorchEngine.NAME;
  }

  @Override
  public int priority() {
    return 5;
  }

  @Override
  public Optional<String> missing() {
    return missing(PyTorchEngineProvider.class.getClassLoader(), platform());
  }

  static Optional<String> missing(ClassLoader loader, String platform) {
    if (!hasLibrary(loader, platform)) {
      return Optional.of(
          "its library for %s is not on the class path; add ai.djl.pytorch:pytorch-native-cpu:2.7.1:%s"
              .formatted(platform, platform));
    }
    return loader.getResource(JNI) == null
        ? Optional.of("add ai.djl.pytorch:pytorch-jni:2.7.1-0.35.1 to the class path")
        : Optional.empty();
  }

  private static boolean hasLibrary(ClassLoader loader, String platform) {
    try {
      return Collections.list(loader.getResources(LIBRARY)).stream()
          .anyMatch(resource -> platform.equals(classifier(resource)));
    } catch (IOException e) {
      return false;
    }
  }

  private static String classifier(URL resource) {
    var properties = new Properties();
    try (var in = resource.openStream()) {
      properties.load(in);
    } catch (IOException e) {
      return ""; // A jar that can't be read has no library.
    }
    return properties.getProperty("classifier", "");
  }

  /** As the artifacts' classifiers call it. */
  private static String platform() {
    var name = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    var system = name.startsWith("mac") ? "osx" : name.startsWith("win") ? "win" : "linux";
    var machine = System.getProperty("os.arch");
    return "%s-%s".formatted(system, machine.equals("amd64") ? "x86_64" : machine);
  }

  @Override
  public Engine create() {
    return new PyTorchEngine();
  }
}
