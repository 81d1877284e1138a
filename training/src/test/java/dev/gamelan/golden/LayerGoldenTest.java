package dev.gamelan.golden;

import static dev.gamelan.golden.Golden.assertClose;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.nn.Activations;
import dev.gamelan.nn.AdaptivePool;
import dev.gamelan.nn.BatchNorm;
import dev.gamelan.nn.Conv1d;
import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Conv3d;
import dev.gamelan.nn.ConvTranspose1d;
import dev.gamelan.nn.ConvTranspose2d;
import dev.gamelan.nn.ConvTranspose3d;
import dev.gamelan.nn.Convolution;
import dev.gamelan.nn.Embedding;
import dev.gamelan.nn.GroupNorm;
import dev.gamelan.nn.Gru;
import dev.gamelan.nn.Layer;
import dev.gamelan.nn.LayerNorm;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Losses;
import dev.gamelan.nn.Losses.CrossEntropyOptions;
import dev.gamelan.nn.Lstm;
import dev.gamelan.nn.MultiHeadAttention;
import dev.gamelan.nn.Pool;
import dev.gamelan.nn.RecurrentLayer;
import dev.gamelan.nn.RmsNorm;
import dev.gamelan.nn.TransposedConvolution;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.optim.Sgd;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Mode;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Variable;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * Every layer and loss against PyTorch: values, gradients of parameters and inputs, and where ten
 * steps take the parameters.
 */
class LayerGoldenTest {
  /**
   * PyTorch rounds to f32 (24 bits) at every operation, the reference once: sums of some dozens of
   * terms differ by a few times 2⁻²⁴ = 6e-8 of their largest term, and those errors pass through a
   * few layers.
   */
  private static final double TOLERANCE = 4e-6;

  /** Ten steps of 0.01 times a gradient add up ten times that. */
  private static final double TRAINED_TOLERANCE = 10 * TOLERANCE;

  /** A layer, or null, and what the case computes from the inputs. */
  private record Case(Layer layer, Function<List<Tensor>, List<Tensor>> forward) {}

  private static final Map<String, Case> LAYERS = new LinkedHashMap<>();
  private static final Map<String, Case> LOSSES = new LinkedHashMap<>();

  private static void unary(String name, UnaryLayer layer) {
    LAYERS.put(name, new Case(layer, in -> List.of(layer.forward(in.getFirst()))));
  }

  private static void loss(String name, Function<List<Tensor>, Tensor> loss) {
    LOSSES.put(name, new Case(null, in -> List.of(loss.apply(in))));
  }

  private static void lstm(String name, Lstm layer) {
    LAYERS.put(
        name,
        new Case(
            layer,
            in -> {
              var y =
                  in.size() == 1
                      ? layer.forward(in.getFirst())
                      : layer.forward(in.getFirst(), new Lstm.State(in.get(1), in.get(2)));
              return List.of(y.sequence(), y.state().hidden(), y.state().cell());
            }));
  }

  private static void gru(String name, Gru layer) {
    LAYERS.put(
        name,
        new Case(
            layer,
            in -> {
              var y =
                  in.size() == 1
                      ? layer.forward(in.getFirst())
                      : layer.forward(in.getFirst(), in.get(1));
              return List.of(y.sequence(), y.hidden());
            }));
  }

  private static void attention(
      String name, MultiHeadAttention layer, Function<List<Tensor>, MultiHeadAttention.Mask> mask) {
    LAYERS.put(
        name,
        new Case(
            layer,
            in ->
                List.of(
                    in.size() == 1
                        ? layer.forward(in.getFirst(), mask.apply(in))
                        : layer.forward(in.getFirst(), in.get(1), mask.apply(in)))));
  }

  static {
    var conv = Convolution.Options.DEFAULT;
    var transposed = TransposedConvolution.Options.DEFAULT;
    var pool = Pool.Options.ofStride(2);
    unary("linear", new Linear(5, 3));
    unary("linear_no_bias", new Linear(5, 3, false));
    unary("conv1d", new Conv1d(4, 6, 3, conv.withStride(2).withPadding(1).withGroups(2)));
    unary("conv2d", new Conv2d(3, 4, 3, conv.withPadding(2).withDilation(2)));
    unary("conv2d_no_bias", new Conv2d(2, 3, 2, conv.withBias(false)));
    unary("conv3d", new Conv3d(2, 3, 2, conv.withStride(2)));
    unary(
        "conv_transpose1d",
        new ConvTranspose1d(3, 4, 3, transposed.withStride(2).withPadding(1).withOutputPadding(1)));
    unary(
        "conv_transpose2d",
        new ConvTranspose2d(
            4, 6, 3, transposed.withStride(2).withPadding(1).withGroups(2).withDilation(2)));
    unary(
        "conv_transpose3d", new ConvTranspose3d(2, 3, 2, transposed.withStride(2).withBias(false)));
    unary("max_pool1d", Pool.max(3, pool.withPadding(1)));
    unary("max_pool2d", Pool.max(2));
    unary("max_pool2d_dilated", Pool.max(2, Pool.Options.ofStride(1).withDilation(2)));
    unary("avg_pool2d", Pool.average(3, pool.withPadding(1)));
    unary("avg_pool2d_count_padding", Pool.average(3, pool.withPadding(1).withCountPadding(true)));
    unary("avg_pool3d", Pool.average(2));
    unary("adaptive_avg_pool1d", AdaptivePool.average(3));
    unary("adaptive_avg_pool2d", AdaptivePool.average(3, 4));
    unary("adaptive_avg_pool2d_up", AdaptivePool.average(5, 1));
    unary("adaptive_max_pool2d", AdaptivePool.max(3, 4));
    unary("adaptive_avg_pool3d", AdaptivePool.average(1, 2, 3));
    unary("embedding", new Embedding(7, 4));
    unary("layer_norm", new LayerNorm(6));
    unary(
        "layer_norm_2_axes",
        new LayerNorm(Shape.of(3, 4), LayerNorm.Options.DEFAULT.withEpsilon(1e-3)));
    unary(
        "layer_norm_no_bias",
        new LayerNorm(Shape.of(6), LayerNorm.Options.DEFAULT.withBias(false)));
    unary("rms_norm", new RmsNorm(6, 1e-6));
    unary("group_norm", new GroupNorm(2, 4));
    unary("group_norm_2d", new GroupNorm(4, 4));
    unary("batch_norm_training", new BatchNorm(3));
    unary("batch_norm_inference", new BatchNorm(3));
    unary(
        "batch_norm_options",
        new BatchNorm(4, BatchNorm.Options.DEFAULT.withEpsilon(1e-3).withMomentum(0.3)));
    var recurrent = RecurrentLayer.Options.DEFAULT;
    var bothWays = recurrent.withLayers(2).withBidirectional(true);
    lstm("lstm", new Lstm(3, 4, recurrent));
    lstm("lstm_stacked_both_ways", new Lstm(3, 4, bothWays.withBatchFirst(true)));
    lstm("lstm_from_zeros", new Lstm(3, 4, recurrent.withBias(false)));
    gru("gru", new Gru(3, 4, recurrent));
    gru("gru_stacked_both_ways", new Gru(3, 4, bothWays));
    gru("gru_from_zeros", new Gru(3, 4, recurrent.withBias(false).withBatchFirst(true)));
    var attention = MultiHeadAttention.Options.DEFAULT;
    attention(
        "attention", new MultiHeadAttention(8, 2, attention), in -> MultiHeadAttention.Mask.NONE);
    attention(
        "attention_causal",
        new MultiHeadAttention(8, 2, attention.withBias(false).withCausal(true)),
        in -> MultiHeadAttention.Mask.NONE);
    attention(
        "attention_lengths",
        new MultiHeadAttention(8, 4, attention),
        in -> MultiHeadAttention.Mask.ofLengths(Tensor.of(new int[] {5, 3})));
    attention(
        "attention_cross_added_mask",
        new MultiHeadAttention(8, 2, attention),
        in -> MultiHeadAttention.Mask.of(in.get(2)));
    attention(
        "attention_cross_bool_mask",
        new MultiHeadAttention(8, 2, attention),
        in -> MultiHeadAttention.Mask.of(in.get(2)));
    unary("leaky_relu", UnaryLayer.of(x -> Activations.leakyRelu(x, 0.1)));
    unary("elu", UnaryLayer.of(x -> Activations.elu(x, 1.5)));
    unary("selu", UnaryLayer.of(Activations::selu));
    unary("gelu_tanh", UnaryLayer.of(Activations::geluTanh));
    unary("softplus", UnaryLayer.of(Activations::softplus));
    unary("mish", UnaryLayer.of(Activations::mish));
    unary("hard_swish", UnaryLayer.of(Activations::hardSwish));

    var smoothed = CrossEntropyOptions.DEFAULT.withLabelSmoothing(0.1);
    loss("mean_squared", in -> Losses.meanSquared(in.getFirst(), in.get(1)));
    loss("l1", in -> Losses.l1(in.getFirst(), in.get(1)));
    loss("smooth_l1", in -> Losses.smoothL1(in.getFirst(), in.get(1), 0.7));
    loss("cross_entropy", in -> Losses.crossEntropy(in.getFirst(), in.get(1)));
    loss("cross_entropy_smoothed", in -> Losses.crossEntropy(in.getFirst(), in.get(1), smoothed));
    loss(
        "cross_entropy_weighted",
        in ->
            Losses.crossEntropy(
                in.getFirst(),
                in.get(1),
                CrossEntropyOptions.DEFAULT
                    .withLabelSmoothing(0.2)
                    .withClassWeights(in.get(2).stopGradient())));
    loss("cross_entropy_ignored", in -> Losses.crossEntropy(in.getFirst(), in.get(1), smoothed));
    loss("bce_with_logits", in -> Losses.binaryCrossEntropyWithLogits(in.getFirst(), in.get(1)));
    loss("kl_divergence", in -> Losses.klDivergence(in.getFirst(), in.get(1).stopGradient()));
    loss("triplet_margin", in -> Losses.tripletMargin(in.getFirst(), in.get(1), in.get(2), 1.5));
    loss("contrastive", in -> Losses.contrastive(in.getFirst(), in.get(1), in.get(2), 4));
    loss(
        "cosine_embedding", in -> Losses.cosineEmbedding(in.getFirst(), in.get(1), in.get(2), 0.1));
    loss("ctc", in -> Losses.ctc(in.getFirst().logSoftmax(2), in.get(1), in.get(2), in.get(3), 0));
    loss(
        "ctc_last_blank",
        in -> Losses.ctc(in.getFirst().logSoftmax(2), in.get(1), in.get(2), in.get(3), 3));
  }

  @TestFactory
  Stream<DynamicTest> layersGiveValuesAndGradientsOfPyTorch() {
    return tests(Golden.load("layers"), LAYERS);
  }

  @TestFactory
  Stream<DynamicTest> lossesGiveValuesAndGradientsOfPyTorch() {
    return tests(Golden.load("losses"), LOSSES);
  }

  @Test
  void everyGoldenCaseIsTested() {
    assertEquals(Golden.load("layers").cases(), new TreeSet<>(LAYERS.keySet()));
    assertEquals(Golden.load("losses").cases(), new TreeSet<>(LOSSES.keySet()));
  }

  private static Stream<DynamicTest> tests(Golden golden, Map<String, Case> cases) {
    return cases.entrySet().stream()
        .map(
            entry ->
                DynamicTest.dynamicTest(
                    entry.getKey(), () -> check(golden, entry.getKey(), entry.getValue())));
  }

  private static void check(Golden golden, String name, Case c) {
    var inputs = new ArrayList<Tensor>();
    for (int i = 0; golden.has(name + "/in." + i); i++) inputs.add(golden.get(name + "/in." + i));
    var state = golden.under(name + "/state.");
    if (c.layer() != null) c.layer().load(state);
    var variables = new LinkedHashMap<String, Variable>();
    golden
        .under(name + "/grad.")
        .keySet()
        .forEach(
            variable ->
                variables.put(
                    variable,
                    variable.startsWith("in.")
                        ? inputs.get(Integer.parseInt(variable.substring(3)))
                        : c.layer().namedParameters().get(variable)));
    var mode = name.endsWith("inference") ? Mode.INFERENCE : Mode.TRAINING;
    var outputs = new ArrayList<Tensor>();
    Supplier<Tensor> loss =
        () -> {
          outputs.clear();
          outputs.addAll(c.forward().apply(inputs));
          var sum = Tensor.scalar(0);
          for (int i = 0; i < outputs.size(); i++) {
            sum = sum.add(outputs.get(i).mul(golden.get(name + "/cotangent." + i)).sum());
          }
          return sum;
        };
    var all = List.copyOf(variables.values());
    var gradients = mode.call(() -> Gradients.computeAllowingUnused(all, loss));
    for (int i = 0; i < outputs.size(); i++) {
      var label = name + "/out." + i;
      assertClose(label, golden.get(label), outputs.get(i), TOLERANCE);
    }
    variables.forEach(
        (variable, v) -> {
          var label = name + "/grad." + variable;
          assertClose(label, golden.get(label), gradients.of(v), TOLERANCE);
        });
    if (c.layer() != null && !c.layer().parameters().isEmpty()) {
      var sgd = new Sgd(c.layer().parameters(), 0.01);
      for (int step = 0; step < 10; step++) {
        sgd.update(mode.call(() -> Gradients.computeAllowingUnused(c.layer().parameters(), loss)));
      }
      var trained = c.layer().namedParameters();
      var expected = golden.under(name + "/trained.");
      assertEquals(trained.keySet(), expected.keySet());
      expected.forEach(
          (parameter, value) ->
              assertClose(
                  name + "/trained." + parameter,
                  value,
                  trained.get(parameter).value(),
                  TRAINED_TOLERANCE));
    }
    golden
        .under(name + "/after.")
        .forEach(
            (stateName, after) ->
                assertClose(
                    name + "/after." + stateName,
                    after,
                    c.layer().state().get(stateName).value(),
                    TOLERANCE));
  }
}
