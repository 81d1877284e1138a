package dev.gamelan.tck;

import static dev.gamelan.tck.OpSpecs.ANY;
import static dev.gamelan.tck.OpSpecs.COMPUTE;
import static dev.gamelan.tck.OpSpecs.FLOATS;
import static dev.gamelan.tck.OpSpecs.NUMBERS;
import static dev.gamelan.tck.OpSpecs.POSITIVE;
import static dev.gamelan.tck.OpSpecs.row;
import static dev.gamelan.tck.OpSpecs.t;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.Attention;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.RandomOp;
import dev.gamelan.ir.Recurrent;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.tck.OpSpec.Case;
import dev.gamelan.tck.Values.Indices;
import dev.gamelan.tck.Values.Range;
import dev.gamelan.tck.Values.Special;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/** The rows of the standard composites. */
final class CompositeSpecs {
  private CompositeSpecs() {}

  static List<OpSpec> all() {
    return Stream.of(
            activations(),
            softmaxes(),
            normalizations(),
            attention(),
            random(),
            recurrent(),
            tensorOps())
        .flatMap(List::stream)
        .toList();
  }

  private static OpSpec floats(String op, Function<DType, List<Case>> cases) {
    return row(op, FLOATS, true, cases);
  }

  private static List<OpSpec> activations() {
    return List.of(
        row(
            "relu",
            NUMBERS,
            true,
            d ->
                List.of(
                    Case.of(new Activation.Relu(), ANY, t(d, 33)),
                    Case.of(new Activation.Relu(), new Special(), t(d, 14)))),
        row(
            "clamp",
            NUMBERS,
            true,
            d -> List.of(Case.of(new Activation.Clamp(0, 2), ANY, t(d, 33)))),
        floats("leaky_relu", d -> List.of(Case.of(new Activation.LeakyRelu(0.1), ANY, t(d, 5, 7)))),
        floats("elu", d -> List.of(Case.of(new Activation.Elu(1.5), ANY, t(d, 33)))),
        floats("silu", d -> List.of(Case.of(new Activation.Silu(), ANY, t(d, 33)))),
        floats(
            "gelu",
            d ->
                List.of(
                    Case.of(new Activation.Gelu(false), ANY, t(d, 33)),
                    Case.of(new Activation.Gelu(true), ANY, t(d, 33)))),
        floats("swiglu", d -> List.of(Case.of(new Activation.Swiglu(), ANY, t(d, 9), t(d, 9)))));
  }

  private static List<OpSpec> softmaxes() {
    var large = new Range(-40, 40);
    return List.of(
        floats(
            "softmax",
            d ->
                List.of(
                    Case.of(new SoftmaxOp.Softmax(1), large, t(d, 3, 17)),
                    Case.of(new SoftmaxOp.Softmax(0), ANY, t(d, 5, 1, 2)))),
        floats(
            "softmax_gradient",
            d -> List.of(Case.of(new SoftmaxOp.SoftmaxGradient(1), ANY, t(d, 3, 5), t(d, 3, 5)))),
        floats(
            "log_softmax", d -> List.of(Case.of(new SoftmaxOp.LogSoftmax(1), large, t(d, 3, 17)))),
        floats("logsumexp", d -> List.of(Case.of(new SoftmaxOp.Logsumexp(0), large, t(d, 7, 3)))),
        floats(
            "cross_entropy",
            d ->
                List.of(
                    Case.of(new SoftmaxOp.CrossEntropy(), ANY, t(d, 4, 5))
                        .and(new Indices(5), t(DType.I32, 4)))));
  }

  private static List<OpSpec> normalizations() {
    return List.of(
        floats(
            "layer_norm",
            d ->
                List.of(
                    Case.of(
                        new Normalization.LayerNorm(1, 1e-3), ANY, t(d, 3, 9), t(d, 9), t(d, 9)),
                    Case.of(
                        new Normalization.LayerNorm(2, 1e-3),
                        ANY,
                        t(d, 2, 3, 4),
                        t(d, 3, 4),
                        t(d, 3, 4)))),
        floats(
            "layer_norm_gradient",
            d ->
                List.of(
                    Case.of(
                        new Normalization.LayerNormGradient(1, 1e-3),
                        ANY,
                        t(d, 3, 9),
                        t(d, 9),
                        t(d, 3, 9)))),
        floats(
            "rms_norm",
            d -> List.of(Case.of(new Normalization.RmsNorm(1e-3), ANY, t(d, 3, 9), t(d, 9)))),
        floats(
            "group_norm",
            d ->
                List.of(
                    Case.of(
                        new Normalization.GroupNorm(2, 1e-3),
                        ANY,
                        t(d, 2, 4, 5),
                        t(d, 4),
                        t(d, 4)))),
        floats(
            "batch_norm_training",
            d ->
                List.of(
                    Case.of(
                        new Normalization.BatchNormTraining(1e-3),
                        ANY,
                        t(d, 3, 2, 4),
                        t(d, 2),
                        t(d, 2)))),
        floats(
            "batch_norm_inference",
            d ->
                List.of(
                    Case.of(
                            new Normalization.BatchNormInference(1e-3),
                            ANY,
                            t(d, 3, 2, 4),
                            t(d, 2),
                            t(d, 2),
                            t(d, 2))
                        .and(POSITIVE, t(d, 2)))));
  }

  private static List<OpSpec> attention() {
    return List.of(
        floats(
            "scaled_dot_product_attention",
            d ->
                List.of(
                    Case.of(
                        Attention.ScaledDotProductAttention.of(0.4, false),
                        ANY,
                        t(d, 2, 4, 3, 5),
                        t(d, 2, 2, 4, 5),
                        t(d, 2, 2, 4, 3)),
                    Case.of(
                            new Attention.ScaledDotProductAttention(0.4, true, true, true, 3, 5),
                            ANY,
                            t(d, 2, 2, 3, 4),
                            t(d, 2, 1, 5, 4),
                            t(d, 2, 1, 5, 4),
                            t(DType.BOOL, 3, 5))
                        .and(new Range(3, 6), t(DType.I32, 2)))),
        floats(
            "attention_gradient",
            d ->
                List.of(
                    Case.of(
                        new Attention.AttentionGradient(0.4, true, false, false, 0, 5),
                        ANY,
                        t(d, 1, 2, 3, 4),
                        t(d, 1, 1, 3, 4),
                        t(d, 1, 1, 3, 2),
                        t(d, 1, 2, 3, 2)))),
        floats(
            "rotary_embedding",
            d ->
                Stream.of(true, false)
                    .map(
                        interleaved ->
                            Case.of(
                                new Attention.RotaryEmbedding(interleaved),
                                ANY,
                                t(d, 2, 3, 6),
                                t(d, 3, 3),
                                t(d, 3, 3)))
                    .toList()));
  }

  private static List<OpSpec> random() {
    var key = new Range(-1e9, 1e9);
    return List.of(
        row(
            "random_bits",
            EnumSet.of(DType.I32),
            false,
            d ->
                List.of(
                    Case.of(new RandomOp.RandomBits(Shape.of(3, 5)), key, RandomOp.KEY),
                    Case.of(new RandomOp.RandomBits(Shape.scalar()), key, RandomOp.KEY))),
        row(
            "fold_in",
            EnumSet.of(DType.I32),
            false,
            d -> List.of(Case.of(new RandomOp.FoldIn(), key, RandomOp.KEY, t(DType.I32)))),
        row(
            "random_uniform",
            FLOATS,
            false,
            d -> List.of(Case.of(new RandomOp.RandomUniform(t(d, 33)), key, RandomOp.KEY))),
        row(
            "random_normal",
            FLOATS,
            false,
            d -> List.of(Case.of(new RandomOp.RandomNormal(t(d, 33)), key, RandomOp.KEY))),
        row(
            "categorical",
            FLOATS,
            false,
            d ->
                List.of(
                    Case.of(new RandomOp.Categorical(), key, RandomOp.KEY).and(ANY, t(d, 9, 4)))),
        row(
            "dropout",
            FLOATS,
            true,
            d ->
                List.of(
                    Case.of(new RandomOp.Dropout(0.4), key, RandomOp.KEY).and(ANY, t(d, 5, 7)))));
  }

  private static List<OpSpec> recurrent() {
    return List.of(
        floats(
            "lstm",
            d ->
                Stream.of(true, false)
                    .map(
                        reverse ->
                            Case.of(
                                new Recurrent.Lstm(reverse),
                                new Range(-1, 1),
                                t(d, 3, 2, 4),
                                t(d, 2, 3),
                                t(d, 2, 3),
                                t(d, 12, 4),
                                t(d, 12, 3),
                                t(d, 12)))
                    .toList()),
        floats(
            "gru",
            d ->
                Stream.of(true, false)
                    .map(
                        reverse ->
                            Case.of(
                                new Recurrent.Gru(reverse),
                                new Range(-1, 1),
                                t(d, 3, 2, 4),
                                t(d, 2, 3),
                                t(d, 9, 4),
                                t(d, 9, 3),
                                t(d, 9),
                                t(d, 9)))
                    .toList()));
  }

  private static List<OpSpec> tensorOps() {
    return List.of(
        row(
            "stop_gradient",
            COMPUTE,
            true,
            d -> List.of(Case.of(new TensorOp.StopGradient(), ANY, t(d, 3)))),
        row(
            "one_hot",
            COMPUTE,
            false,
            d -> List.of(Case.of(new TensorOp.OneHot(4, d), new Range(-2, 7), t(DType.I32, 2, 3)))),
        floats(
            "linear",
            d ->
                Arrays.stream(TensorOp.LinearActivation.values())
                    .flatMap(
                        activation ->
                            Stream.of(
                                Case.of(
                                    new TensorOp.Linear(activation),
                                    ANY,
                                    t(d, 2, 3, 4),
                                    t(d, 5, 4),
                                    t(d, 5)),
                                Case.of(
                                    new TensorOp.Linear(activation), ANY, t(d, 3, 4), t(d, 5, 4))))
                    .toList()),
        floats(
            "quantized_matmul",
            d ->
                Stream.of(DType.I8, DType.I4, DType.U4, DType.U2)
                    .map(
                        w ->
                            Case.of(new TensorOp.QuantizedMatmul(2), ANY, t(d, 3, 4), t(w, 5, 4))
                                .and(ANY, t(d, 5, 2), t(d, 5, 2)))
                    .toList()),
        row(
            "dynamic_quantized_matmul",
            FLOATS,
            false,
            d ->
                List.of(
                    Case.of(
                            new TensorOp.DynamicQuantizedMatmul(),
                            ANY,
                            t(d, 2, 3, 8),
                            t(DType.I8, 5, 8))
                        .and(POSITIVE, t(d, 5)))),
        row(
            "adamw_step",
            FLOATS,
            false,
            d ->
                List.of(
                    Case.of(
                            new TensorOp.AdamwStep(0.9, 0.99, 1e-3, 0.1),
                            POSITIVE,
                            t(d, 7),
                            t(d, 7),
                            t(d, 7),
                            t(d, 7))
                        .and(new Range(0.01, 0.02), t(d))
                        .and(new Range(3, 3), t(d)))),
        floats(
            "resize",
            d ->
                Arrays.stream(TensorOp.ResizeMode.values())
                    .filter(mode -> d == DType.F32 || d == DType.F64)
                    .flatMap(
                        mode ->
                            Arrays.stream(TensorOp.CoordinateMode.values())
                                .map(
                                    coordinates ->
                                        Case.of(
                                            new TensorOp.Resize(Shape.of(7, 3), mode, coordinates),
                                            ANY,
                                            t(d, 1, 2, 4, 5))))
                    .toList()));
  }
}
