package dev.gamelan.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.io.SafeTensors;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;

/** What PyTorch computed, by case and name; made by tools/golden_training.py. */
public final class Golden {
  private final Map<String, Tensor> tensors;

  private Golden(Map<String, Tensor> tensors) {
    this.tensors = tensors;
  }

  public static Golden load(String name) {
    try {
      var url = Golden.class.getResource(name + ".safetensors");
      return new Golden(SafeTensors.read(Path.of(Objects.requireNonNull(url, name).toURI())));
    } catch (IOException | URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  /** The names before the first slash. */
  public TreeSet<String> cases() {
    var cases = new TreeSet<String>();
    for (var name : tensors.keySet()) {
      if (name.contains("/")) cases.add(name.substring(0, name.indexOf('/')));
    }
    return cases;
  }

  public Tensor get(String name) {
    return Objects.requireNonNull(tensors.get(name), name);
  }

  public boolean has(String name) {
    return tensors.containsKey(name);
  }

  /** What begins with {@code prefix}, without it. */
  public Map<String, Tensor> under(String prefix) {
    var found = new LinkedHashMap<String, Tensor>();
    tensors.forEach(
        (name, tensor) -> {
          if (name.startsWith(prefix)) found.put(name.substring(prefix.length()), tensor);
        });
    return found;
  }

  /** Relative to the largest number, since a sum's error grows with its terms, not with itself. */
  public static void assertClose(String what, Tensor expected, Tensor actual, double tolerance) {
    assertEquals(expected.shape(), actual.shape(), what);
    var want = expected.toDoubleArray();
    var got = actual.toDoubleArray();
    double scale = 1;
    for (double x : want) if (Double.isFinite(x)) scale = Math.max(scale, Math.abs(x));
    for (int i = 0; i < want.length; i++) {
      if (want[i] == got[i] || (Double.isNaN(want[i]) && Double.isNaN(got[i]))) continue;
      int at = i;
      assertTrue(
          Math.abs(want[i] - got[i]) <= tolerance * scale,
          () -> "%s at %d: PyTorch computes %s, we %s".formatted(what, at, want[at], got[at]));
    }
  }
}
