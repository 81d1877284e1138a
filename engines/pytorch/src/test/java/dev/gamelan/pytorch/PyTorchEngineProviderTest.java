package dev.gamelan.pytorch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Without its library the engine says so; DJL, which would download one, is not asked. */
class PyTorchEngineProviderTest {
  @Test
  void theLibraryOfTheTestsIsFound() {
    assertEquals(Optional.empty(), new PyTorchEngineProvider().missing());
  }

  @Test
  void anEmptyClassPathLacksTheLibrary() throws Exception {
    try (var nothing = new URLClassLoader(new URL[0], null)) {
      var missing = PyTorchEngineProvider.missing(nothing, "linux-x86_64").orElseThrow();
      assertTrue(missing.contains("pytorch-native-cpu:2.7.1:linux-x86_64"), missing);
    }
  }

  @Test
  void theLibraryOfAnotherPlatformIsNone() {
    var loader = PyTorchEngineProviderTest.class.getClassLoader();
    var missing = PyTorchEngineProvider.missing(loader, "win-x86_64").orElseThrow();
    assertTrue(missing.contains("win-x86_64"), missing);
  }
}
