package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Attention.AttentionGradient;
import dev.gamelan.ir.Attention.ScaledDotProductAttention;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Attention so long that it goes in tiles, of which the last is not full. */
class OneDnnAttentionTest {
  private static final int BATCH = 2;
  private static final int HEADS = 4;
  private static final int QUERIES = 300;
  private static final int KEYS = 530;
  private static final int WIDTH = 8;

  private record Case(
      String name, ScaledDotProductAttention op, DType dtype, long groups, TensorType... others) {
    List<TensorType> operands() {
      var types = new ArrayList<TensorType>();
      types.add(TensorType.of(dtype, BATCH, HEADS, QUERIES, WIDTH));
      types.add(TensorType.of(dtype, BATCH, groups, KEYS, WIDTH));
      types.add(TensorType.of(dtype, BATCH, groups, KEYS, WIDTH + 3));
      types.addAll(Arrays.asList(others));
      return types;
    }

    Graph forward() {
      var g = new GraphBuilder();
      return g.build(g.addAll(op, operands().stream().map(g::input).toList()));
    }

    /** Each of the three gradients, one behind another. */
    Graph gradient() {
      var g = new GraphBuilder();
      var inputs = new ArrayList<Value>(operands().stream().map(g::input).toList());
      inputs.add(g.input(op.infer(operands()).getFirst()));
      var gradients =
          g.addAll(
              new AttentionGradient(
                  op.scale(), op.causal(), op.mask(), op.lengths(), op.window(), op.softcap()),
              inputs);
      return g.build(
          List.of(
              g.concatenate(
                  0,
                  gradients.stream().map(x -> g.reshape(x, Shape.of(x.type().size()))).toList())));
    }
  }

  private static ScaledDotProductAttention op(
      boolean causal, boolean mask, boolean lengths, long window, double softcap) {
    return new ScaledDotProductAttention(0.4, causal, mask, lengths, window, softcap);
  }

  private static Stream<Case> cases() {
    var f32 = DType.F32;
    var lengths = TensorType.of(DType.I32, BATCH);
    return Stream.of(
        new Case("plain", op(false, false, false, 0, 0), f32, HEADS),
        new Case("bf16", op(true, false, false, 0, 0), DType.BF16, HEADS),
        new Case("causal", op(true, false, false, 0, 0), f32, HEADS),
        new Case("grouped", op(true, false, false, 0, 0), f32, 2),
        new Case("window and lengths", op(true, false, true, 40, 0), f32, 1, lengths),
        new Case("lengths", op(false, false, true, 0, 0), f32, HEADS, lengths),
        new Case("softcap", op(true, false, false, 0, 2), f32, HEADS),
        new Case(
            "mask of all",
            op(false, true, false, 0, 0),
            f32,
            2,
            TensorType.of(DType.BOOL, QUERIES, KEYS)),
        new Case(
            "mask of heads and lengths",
            op(true, true, true, 0, 0),
            f32,
            2,
            TensorType.of(DType.BOOL, HEADS, QUERIES, KEYS),
            lengths),
        new Case(
            "mask of keys",
            op(false, true, false, 0, 0),
            f32,
            HEADS,
            TensorType.of(DType.BOOL, BATCH, 1, 1, KEYS)));
  }

  @TestFactory
  Stream<DynamicTest> tilesGiveWhatTheWholeDoes() {
    var added =
        new Case(
            "added mask",
            op(false, true, false, 0, 0),
            DType.F32,
            2,
            TensorType.of(DType.F32, 1, HEADS, QUERIES, 1));
    return Stream.concat(cases(), Stream.of(added))
        .map(c -> DynamicTest.dynamicTest(c.name, () -> Agreement.check(c.forward())));
  }

  @TestFactory
  Stream<DynamicTest> gradientsToo() {
    return cases().map(c -> DynamicTest.dynamicTest(c.name, () -> Agreement.check(c.gradient())));
  }

  /** Scores of 1 × 8 × 2048 × 2048 floats are 128 MiB; a tile of them is one. */
  @Test
  void theScoresAreNeverInMemory() {
    var type = TensorType.of(DType.F32, 1, 8, 2048, 64);
    var g = new GraphBuilder();
    var inputs = List.of(g.input(type), g.input(type), g.input(type));
    var graph = g.build(g.addAll(op(true, false, false, 0, 0), inputs));
    var device = new Device(OneDnnEngine.NAME, 0);
    try (var executable = Engines.compile(graph, device, CompileOptions.DEFAULT)) {
      assertTrue(executable.workspaceBytes() < 32 << 20, () -> "" + executable.workspaceBytes());
    }
  }
}
