package dev.gamelan.onnx;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * What ONNX Runtime computes for operators of its own domain, of older opsets, and for shapes that
 * depend on data; tools/golden_onnx_cases.py made the cases.
 */
class CaseTest {
  private static final int CASES = 54;

  @TempDir static Path folder;

  @BeforeAll
  static void unpack() throws IOException, URISyntaxException {
    var archive = Objects.requireNonNull(CaseTest.class.getResource("cases.tar.gz"));
    TarArchive.unpack(Path.of(archive.toURI()), folder);
  }

  @TestFactory
  Stream<DynamicTest> givesWhatOnnxRuntimeGives() throws IOException {
    return NodeTests.find(folder).stream()
        .map(
            directory ->
                DynamicTest.dynamicTest(
                    directory.getFileName().toString(),
                    () -> {
                      var result = NodeTests.run(directory);
                      assertEquals("", result.reason(), result.operators());
                    }));
  }

  @Test
  void noCaseIsLost() throws IOException {
    assertEquals(CASES, NodeTests.find(folder).size());
  }

  @Test
  void onlyWhatDependsOnComputedNumbersRunsStepByStep() throws IOException {
    for (var name : new String[] {"nonzero_then_gather", "loop_until_with_scan"}) {
      assertTrue(stepwise(name), name);
    }
    // A shape that is an input is part of the signature; a loop without stacked outputs is a while.
    for (var name : new String[] {"reshape_by_input", "where_shape", "loop_until", "if_True"}) {
      assertTrue(!stepwise(name), name);
    }
  }

  private static boolean stepwise(String name) throws IOException {
    var model = OnnxModel.load(folder.resolve(name).resolve("model.onnx"));
    model.run(NodeTests.inputs(folder.resolve(name)));
    return model.isStepwise();
  }

  @Test
  void numbersThatSayAShapeArePartOfTheSignature() throws IOException {
    var directory = folder.resolve("reshape_by_input");
    var model = OnnxModel.load(directory.resolve("model.onnx"));
    var x = NodeTests.inputs(directory).get("x");
    for (long rows : new long[] {1, 2, 3, 1, 6, 12, 2}) {
      var y = model.run(Map.of("x", x, "s", Tensor.of(new long[] {rows, -1}))).get("y0");
      assertEquals(List.of(rows, 12 / rows), y.shape().toList());
      assertArrayEquals(x.toFloatArray(), y.toFloatArray());
    }
  }
}
