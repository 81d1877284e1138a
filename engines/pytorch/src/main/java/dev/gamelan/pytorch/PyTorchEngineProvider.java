package dev.gamelan.pytorch;

import dev.gamelan.engine.Engine;
import dev.gamelan.engine.EngineProvider;
import java.util.List;
import java.util.Optional;

/** Offers the engine where its native libraries are on the class path; nothing is downloaded. */
public final class PyTorchEngineProvider implements EngineProvider {
  private record Part(String resource, String artifact) {}

  private static final List<Part> PARTS =
      List.of(
          new Part("native/lib/pytorch.properties", "ai.djl.pytorch:pytorch-native-cpu:2.7.1"),
          new Part("jnilib/pytorch.properties", "ai.djl.pytorch:pytorch-jni:2.7.1-0.35.1"));

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
    var loader = PyTorchEngineProvider.class.getClassLoader();
    return PARTS.stream()
        .filter(part -> loader.getResource(part.resource()) == null)
        .findFirst()
        .map(part -> "its library is not on the class path; add " + part.artifact());
  }

  @Override
  public Engine create() {
    return new PyTorchEngine();
  }
}
