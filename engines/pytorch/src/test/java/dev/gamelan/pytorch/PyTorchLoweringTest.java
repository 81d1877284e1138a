package dev.gamelan.pytorch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PyTorchLoweringTest {
  private static final String UPDATE =
      """
      (%0: f32[4], %1: f32[4], %2: f32[]) {
        %3 = broadcast_in_dim[shape=[4], axes=[]] %2 : f32[4]
        %4 = mul %1, %3 : f32[4]
        %5 = sub %0, %4 : f32[4]
        return %5
      }""";

  private static String source(String graph, Integer... donated) {
    return PyTorchLowering.lower(Graph.parse(graph), "cpu", Set.of(donated), Set.of()).source();
  }

  private static Buffer buffer(float... values) {
    var type = TensorType.of(DType.F32, values.length);
    var buffer = PyTorchBuffer.tensor(type, Devices.HOST);
    buffer.write(MemorySegment.ofArray(values));
    return buffer;
  }

  /** Too many for a buffer on the heap. */
  private static float[] large(float value) {
    var values = new float[300];
    Arrays.fill(values, value);
    return values;
  }

  private static float first(Buffer buffer) {
    return buffer.host().orElseThrow().get(ValueLayout.JAVA_FLOAT, 0);
  }

  @Test
  void aScaledUpdateIsOneOpThatOverwritesWhatIsDonated() {
    var source = source(UPDATE, 0);
    assertTrue(source.contains("torch.addcmul_(x0, x1, x2, value=-1)"), source);
  }

  @Test
  void whatIsNotDonatedIsNotOverwritten() {
    var source = source(UPDATE);
    assertTrue(source.contains("torch.addcmul(x0, x1, x2, value=-1)"), source);
  }

  @Test
  void anOperandThatIsReadLaterIsNotOverwritten() {
    var source =
        source(
            """
            (%0: f32[4]) {
              %1 = exp %0 : f32[4]
              %2 = neg %1 : f32[4]
              %3 = sin %1 : f32[4]
              return %2, %3
            }""",
            0);
    assertTrue(source.contains("torch.exp_(x0)"), source);
    assertTrue(source.contains("torch.neg(v0)"), source);
    assertTrue(source.contains("torch.sin_(v0)"), source);
  }

  @Test
  void aViewOfADonatedInputKeepsItFromBeingOverwritten() {
    var source =
        source(
            """
            (%0: f32[2,2]) {
              %1 = transpose[permutation=[1,0]] %0 : f32[2,2]
              %2 = add %0, %1 : f32[2,2]
              return %2
            }""",
            0);
    assertTrue(source.contains("torch.add(x0, v0)"), source);
  }

  @Test
  void whatAnAttentionGaveIsKeptForItsGradient() {
    var options = "scale=0.5, causal=false, mask=false, lengths=false, window=0, softcap=0.0";
    var source =
        source(
            """
            (%0: f32[1,1,2,4], %1: f32[1,1,2,4]) {
              %2 = scaled_dot_product_attention[OPTIONS] %0, %0, %0 : f32[1,1,2,4]
              %3 = neg %2 : f32[1,1,2,4]
              %4:3 = attention_gradient[OPTIONS] %0, %0, %0, %1 : f32[1,1,2,4], f32[1,1,2,4], f32[1,1,2,4]
              return %3, %4
            }"""
                .replace("OPTIONS", options));
    assertTrue(source.contains("torch.neg(v2)"), source);
  }

  @Test
  void theLogarithmOfASoftmaxIsKeptForTheSoftmax() {
    var source =
        source(
            """
            (%0: f32[2,3]) {
              %1 = log_softmax[axis=1] %0 : f32[2,3]
              %2 = neg %1 : f32[2,3]
              %3 = softmax[axis=1] %0 : f32[2,3]
              return %2, %3
            }""");
    assertTrue(source.contains("torch.neg(v1)"), source);
    assertTrue(source.contains("torch.exp(v0)"), source);
  }

  @Test
  void aCoarseLogarithmIsNot() {
    var source =
        source(
            """
            (%0: bf16[2,3]) {
              %1 = log_softmax[axis=1] %0 : bf16[2,3]
              %2 = softmax[axis=1] %0 : bf16[2,3]
              return %1, %2
            }""");
    assertTrue(source.contains("torch.softmax(x0"), source);
  }

  /** What oneDNN would fill up itself, and in the wrong places. */
  @Test
  void channelsOfAConvolutionAreFilledUpToBlocks() {
    var graph =
        """
        (%0: f32[1,20,8,8], %1: f32[24,20,K,K]) {
          %2 = convolution[window={strides=[1,1], low=[P,P], high=[P,P], dilation=[1,1]}, groups=1, result=f32] %0, %1 : f32[1,24,8,8]
          return %2
        }""";
    var source = source(graph.replace("K", "3").replace("P", "1"));
    assertTrue(source.contains("torch.constant_pad_nd(x0, [0, 0, 0, 0, 0, 12], 0)"), source);
    assertTrue(source.contains("torch.constant_pad_nd(x1, [0, 0, 0, 0, 0, 0, 0, 8], 0)"), source);
    assertTrue(source.contains(", 1, 0, 24)"), source);
    var ofOnePosition = source(graph.replace("K", "1").replace("P", "0"));
    assertTrue(ofOnePosition.contains("torch.convolution(x0, x1,"), ofOnePosition);
  }

  @Test
  void whatIsDonatedAndKeptByTheCallerIsNotGivenBack() {
    var graph =
        "(%0: f32[4], %1: f32[4]) { %2 = neg %0 : f32[4] %3 = exp %1 : f32[4] return %2, %3 }";
    var script = PyTorchLowering.lower(Graph.parse(graph), "cpu", Set.of(0, 1), Set.of(1));
    assertEquals(List.of(OptionalInt.empty(), OptionalInt.of(1)), script.places());
    assertTrue(script.source().endsWith("return [v0]\n"), script.source());
  }

  /** Which has no output to give back, and must run for what it leaves behind. */
  @Test
  void aRunThatOnlyUpdatesSmallInputsUpdatesThem() {
    try (var executable =
        Engines.compile(
            Graph.parse("(%0: f32[2], %1: f32[2]) { %2 = sub %0, %1 : f32[2] return %2 }"),
            Devices.HOST,
            CompileOptions.donating(Set.of(0)))) {
      var type = TensorType.of(DType.F32, 2);
      Buffer x = new SmallBuffer(type);
      x.write(MemorySegment.ofArray(new float[] {9, 9}));
      var step = new SmallBuffer(type);
      step.write(MemorySegment.ofArray(new float[] {1, 2}));
      for (int i = 0; i < 6; i++) x = executable.run(List.of(x, step)).getFirst();
      assertEquals(3, first(x));
    }
  }

  @Test
  void aProductTakesItsBiasAlong() {
    var source =
        source(
            """
            (%0: f32[5,3], %1: f32[3,2], %2: f32[2]) {
              %3 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %0, %1 : f32[5,2]
              %4 = broadcast_in_dim[shape=[5,2], axes=[1]] %2 : f32[5,2]
              %5 = add %3, %4 : f32[5,2]
              return %5
            }""");
    assertTrue(source.contains("torch.addmm(x2, x0, x1)"), source);
  }

  @Test
  void anInputThatIsAnOutputIsCopied() {
    try (var executable =
            Engines.compile(
                Graph.parse("(%0: f32[300]) { return %0, %0 }"),
                Devices.HOST,
                CompileOptions.DEFAULT);
        var x = buffer(large(1))) {
      var outputs = executable.run(List.of(x));
      x.write(MemorySegment.ofArray(large(5)));
      assertEquals(1, first(outputs.get(0)));
      var places = outputs.stream().map(y -> y.host().orElseThrow().address()).toList();
      assertNotEquals(places.get(0), places.get(1));
      outputs.forEach(Buffer::close);
    }
  }

  /** Which keeps no tensor of its own, and of which the run has a copy. */
  @Test
  void aSmallBufferIsClosedByItsDonationAndNothingElseIsChanged() {
    try (var executable =
        Engines.compile(
            Graph.parse("(%0: f32[1]) { %1 = neg %0 : f32[1] return %1 }"),
            Devices.HOST,
            CompileOptions.donating(Set.of(0)))) {
      var x = new SmallBuffer(TensorType.of(DType.F32, 1));
      x.write(MemorySegment.ofArray(new float[] {1}));
      var memory = x.host().orElseThrow();
      var y = executable.run(List.of(x)).getFirst();
      assertEquals(-1, first(y));
      assertEquals(1, memory.get(ValueLayout.JAVA_FLOAT, 0));
      assertThrows(EngineException.class, () -> executable.run(List.of(x)));
      assertEquals(1, first(executable.run(List.of(y)).getFirst()));
    }
  }

  @Test
  void aDonatedBufferThatIsReadElsewhereIsLeftAlone() {
    try (var executable =
            Engines.compile(
                Graph.parse("(%0: f32[300]) { %1 = neg %0 : f32[300] return %1 }"),
                Devices.HOST,
                CompileOptions.donating(Set.of(0)));
        var x = (PyTorchBuffer) buffer(large(1))) {
      x.acquire(); // As another run does.
      var memory = x.host().orElseThrow();
      executable.run(List.of(x)).forEach(Buffer::close);
      assertEquals(1, memory.get(ValueLayout.JAVA_FLOAT, 0));
      x.release();
    }
  }

  @Test
  void aClosedExecutableSaysSo() {
    var executable =
        Engines.compile(
            Graph.parse("(%0: f32[1]) { %1 = neg %0 : f32[1] return %1 }"),
            Devices.HOST,
            CompileOptions.DEFAULT);
    executable.close();
    executable.close();
    try (var x = buffer(1)) {
      assertThrows(EngineException.class, () -> executable.run(List.of(x)));
    }
  }
}
