package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.gamelan.autodiff.ReverseMode;
import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The reference engine against what JAX and PyTorch computed; made by tools/golden.py. */
class GoldenTest {
  @TestFactory
  Stream<DynamicTest> theReferenceComputesWhatOthersDo() throws IOException {
    return cases().map(c -> DynamicTest.dynamicTest(c.path("name").asText(), () -> forward(c)));
  }

  @TestFactory
  Stream<DynamicTest> gradientsAreThoseOfOthers() throws IOException {
    return cases()
        .filter(c -> c.has("gradients"))
        .map(c -> DynamicTest.dynamicTest(c.path("name").asText(), () -> backward(c)));
  }

  @Test
  void everyOpHasACase() throws IOException {
    var judged =
        cases()
            .map(c -> Graph.parse(c.path("graph").asText()).nodes().getFirst().op().name())
            .collect(Collectors.toCollection(TreeSet::new));
    var ops = OpSpecs.all().stream().map(OpSpec::op).collect(Collectors.toCollection(TreeSet::new));
    assertEquals(ops, judged);
  }

  private static Stream<JsonNode> cases() throws IOException {
    try (var in = GoldenTest.class.getResourceAsStream("golden.json.gz")) {
      var tree = new ObjectMapper().readTree(new GZIPInputStream(in));
      return StreamSupport.stream(tree.spliterator(), false);
    }
  }

  private static void forward(JsonNode c) {
    var graph = Graph.parse(c.path("graph").asText());
    compare(c, c.path("outputs"), ReferenceKernels.run(graph, arrays(c.path("inputs"))));
  }

  private static void backward(JsonNode c) {
    var graph = Graph.parse(c.path("graph").asText());
    var floats =
        IntStream.range(0, graph.inputs().size())
            .filter(i -> graph.inputs().get(i).type().dtype().isFloat())
            .boxed()
            .toList();
    var arguments = new ArrayList<>(arrays(c.path("inputs")));
    arguments.addAll(arrays(c.path("cotangents")));
    compare(
        c, c.path("gradients"), ReferenceKernels.run(ReverseMode.vjp(graph, floats), arguments));
  }

  private static List<Array> arrays(JsonNode tensors) {
    var arrays = new ArrayList<Array>();
    for (var tensor : tensors) {
      var array = Array.zeros(TensorType.parse(tensor.path("type").asText()));
      for (int i = 0; i < array.size(); i++) {
        var value = tensor.path("values").get(i);
        if (array.type().dtype().isFloat()) array.floats()[i] = number(value);
        else array.integers()[i] = value.isBoolean() ? (value.asBoolean() ? 1 : 0) : value.asLong();
      }
      arrays.add(array);
    }
    return arrays;
  }

  private static double number(JsonNode value) {
    return switch (value.asText()) {
      case "nan" -> Double.NaN;
      case "inf" -> Double.POSITIVE_INFINITY;
      case "-inf" -> Double.NEGATIVE_INFINITY;
      default -> value.asDouble();
    };
  }

  private static void compare(JsonNode c, JsonNode expected, List<Array> actual) {
    var wanted = arrays(expected);
    for (int i = 0; i < wanted.size(); i++) {
      var want = wanted.get(i);
      var got = actual.get(i);
      assertTrue(want.type().equals(got.type()), () -> want.type() + " became " + got.type());
      for (int j = 0; j < want.size(); j++) {
        int at = j;
        if (!want.type().dtype().isFloat()) {
          assertTrue(
              want.integers()[j] == got.integers()[j],
              () -> message(c, at, want.integers()[at], got.integers()[at]));
          continue;
        }
        assertTrue(
            close(want.floats()[j], got.floats()[j], tolerance(want.type().dtype())),
            () -> message(c, at, want.floats()[at], got.floats()[at]));
      }
    }
  }

  /** Theirs is rounded at every step in its own dtype, ours once: a few of their roundings. */
  private static double tolerance(DType dtype) {
    return dtype == DType.F64 ? 1e-12 : 2e-5;
  }

  private static boolean close(double want, double got, double tolerance) {
    if (Double.isNaN(want) || Double.isInfinite(want)) return Double.compare(want, got) == 0;
    return Math.abs(want - got) <= tolerance * Math.max(1, Math.abs(want));
  }

  private static String message(JsonNode c, int at, Object want, Object got) {
    return "%s at %d: %s computes %s, we %s"
        .formatted(c.path("name").asText(), at, c.path("source").asText(), want, got);
  }
}
