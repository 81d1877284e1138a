package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

/** Activation functions. */
final class ActivationOperators {
  private static final double SELU_ALPHA = 1.6732631921768188;
  private static final double SELU_GAMMA = 1.0507010221481323;

  private ActivationOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Relu", Operator.one(n -> n.g.add(new Activation.Relu(), n.x(0)))),
        entry(
            "LeakyRelu",
            Operator.one(n -> n.g.add(new Activation.LeakyRelu(n.number("alpha", 0.01f)), n.x(0)))),
        entry("PRelu", Operator.one(ActivationOperators::prelu)),
        entry("Elu", Operator.one(n -> n.g.add(new Activation.Elu(n.number("alpha", 1)), n.x(0)))),
        entry("Selu", Operator.one(ActivationOperators::selu)),
        entry("Celu", Operator.one(ActivationOperators::celu)),
        entry("ThresholdedRelu", Operator.one(ActivationOperators::thresholdedRelu)),
        entry(
            "HardSigmoid",
            wide((n, x) -> hardSigmoid(n.g, x, n.number("alpha", 0.2f), n.number("beta", 0.5)))),
        entry("HardSwish", wide((n, x) -> n.g.mul(x, hardSigmoid(n.g, x, 1.0 / 6, 0.5)))),
        entry("Mish", wide((n, x) -> n.g.mul(x, n.g.tanh(softplus(n.g, x))))),
        entry("Softplus", wide((n, x) -> softplus(n.g, x))),
        entry("Softsign", wide((n, x) -> n.g.div(x, n.g.add(n.g.unary(UnaryKind.ABS, x), 1)))),
        entry("Gelu", Operator.one(ActivationOperators::gelu)),
        entry("Swish", Operator.one(ActivationOperators::swish)),
        entry("SwiGLU", Operator.one(ActivationOperators::swiglu)),
        entry("Shrink", wide(ActivationOperators::shrink)));
  }

  private static Operator wide(BiFunction<OpContext, Value, Value> function) {
    return Operator.one(
        n -> n.g.convert(function.apply(n, n.g.widen(n.x(0))), n.x(0).type().dtype()));
  }

  static Value softplus(GraphBuilder g, Value x) {
    var tail = g.unary(UnaryKind.LOG1P, g.exp(g.neg(g.unary(UnaryKind.ABS, x))));
    return g.add(g.max(x, 0), tail);
  }

  static Value hardSigmoid(GraphBuilder g, Value x, double alpha, double beta) {
    return g.min(g.max(g.add(g.mul(x, alpha), beta), 0), 1);
  }

  /** The slope broadcasts to x. */
  private static Value prelu(OpContext n) {
    var x = n.x(0);
    var negative = n.g.compare(CompareKind.LT, x, n.g.zerosLike(x));
    var slope = n.x(1);
    // Before opset 7 a vector has one number a channel.
    boolean ofChannels = n.opset() < 7 && slope.rank() == 1 && x.rank() > 1 && slope.dim(0) > 1;
    if (ofChannels) slope = n.g.broadcastInDim(slope, x.shape(), List.of(1));
    return n.g.select(negative, n.g.mul(x, slope), x);
  }

  private static Value selu(OpContext n) {
    var elu = n.g.add(new Activation.Elu(n.number("alpha", SELU_ALPHA)), n.x(0));
    return n.g.mul(elu, n.number("gamma", SELU_GAMMA));
  }

  /** max(0, x) + min(0, α·(e^(x/α) − 1)). */
  private static Value celu(OpContext n) {
    double alpha = n.number("alpha", 1);
    var scaled = n.g.add(new Activation.Elu(1), n.g.mul(n.x(0), 1 / alpha));
    return n.g.mul(scaled, alpha);
  }

  private static Value thresholdedRelu(OpContext n) {
    var x = n.x(0);
    return n.g.select(n.g.compare(CompareKind.GT, x, n.number("alpha", 1)), x, n.g.zerosLike(x));
  }

  private static Value gelu(OpContext n) {
    return n.g.add(new Activation.Gelu(n.text("approximate", "none").equals("tanh")), n.x(0));
  }

  private static Value swish(OpContext n) {
    double alpha = n.number("alpha", 1);
    if (alpha == 1) return n.g.add(new Activation.Silu(), n.x(0));
    var x = n.g.widen(n.x(0));
    return n.g.convert(n.g.mul(x, n.g.logistic(n.g.mul(x, alpha))), n.x(0).type().dtype());
  }

  private static Value swiglu(OpContext n) {
    if (n.number("alpha", 1) == 1) return n.g.add(new Activation.Swiglu(), n.x(0), n.x(1));
    return n.g.mul(swish(n), n.x(1));
  }

  private static Value shrink(OpContext n, Value x) {
    var g = n.g;
    double bias = n.number("bias", 0);
    double lambda = n.number("lambd", 0.5);
    var low = g.compare(CompareKind.LT, x, -lambda);
    var high = g.compare(CompareKind.GT, x, lambda);
    var biased = g.fill(x.type(), bias);
    return g.select(
        low, g.add(x, biased), g.select(high, g.binary(BinaryKind.SUB, x, biased), g.zerosLike(x)));
  }
}
