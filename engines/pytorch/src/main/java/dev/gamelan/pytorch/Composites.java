package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.TorchScript.list;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.Attention;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.type.TensorType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The composites for which PyTorch has a kernel of its own. */
final class Composites {
  /** What a forward kernel computed that its gradient needs. */
  private record Statistics(String first, String second) {}

  private record Key(Composite op, List<String> operands) {}

  private final TorchScript script;
  private final Map<Key, Statistics> known = new HashMap<>();

  /** By the softmax of which each is the logarithm. */
  private final Map<Key, String> logarithms = new HashMap<>();

  Composites(TorchScript script) {
    this.script = script;
  }

  static boolean keeps(Composite op, List<TensorType> inputs) {
    return switch (op) {
      case SoftmaxOp.Softmax softmax -> true;
      case SoftmaxOp.LogSoftmax softmax -> true;
      case SoftmaxOp.SoftmaxGradient gradient -> true;
      case Activation.Relu relu -> inputs.getFirst().dtype().isFloat();
      case Activation.Gelu gelu -> true;
      case Activation.Silu silu -> true;
      case Normalization.LayerNorm norm -> inputs.getFirst().size() > 0;
      case Normalization.LayerNormGradient gradient -> inputs.getFirst().size() > 0;
      case TensorOp.Linear linear -> inputs.getFirst().dtype().bits() >= 32;
      case Attention.ScaledDotProductAttention attention ->
          plain(attention.mask(), attention.lengths(), attention.window(), attention.softcap())
              && attends(attention.causal(), inputs);
      case Attention.AttentionGradient attention ->
          plain(attention.mask(), attention.lengths(), attention.window(), attention.softcap())
              && attends(attention.causal(), inputs);
      default -> false;
    };
  }

  private static boolean plain(boolean mask, boolean lengths, long window, double softcap) {
    return !mask && !lengths && window == 0 && softcap == 0;
  }

  /** PyTorch's kernel has one size for all heads and lets the first query see the first key. */
  private static boolean attends(boolean causal, List<TensorType> inputs) {
    var q = inputs.getFirst();
    var k = inputs.get(1);
    var v = inputs.get(2);
    return q.size() > 0
        && k.size() > 0
        && k.dim(1) == q.dim(1)
        && v.dim(3) == q.dim(3)
        && (!causal || q.dim(2) == k.dim(2));
  }

  /** The results' names or expressions. */
  List<String> lower(Composite op, List<Term> operands, boolean inPlace) {
    var x = operands.getFirst();
    return switch (op) {
      case SoftmaxOp.Softmax softmax -> List.of(softmax(x, softmax));
      case SoftmaxOp.LogSoftmax softmax -> List.of(logSoftmax(x, softmax));
      case SoftmaxOp.SoftmaxGradient gradient ->
          List.of(
              "torch._softmax_backward_data(%s, %s, %d, %d)"
                  .formatted(
                      operands.get(1).tensor(),
                      x.tensor(),
                      gradient.axis(),
                      ScalarTypes.code(x.dtype())));
      case Activation.Relu relu ->
          List.of("torch.%s(%s)".formatted(inPlace ? "relu_" : "relu", x.tensor()));
      case Activation.Gelu gelu -> List.of(gelu(x.tensor(), gelu.tanh()));
      case Activation.Silu silu -> List.of("torch.silu(%s)".formatted(x.tensor()));
      case Normalization.LayerNorm norm -> List.of(layerNorm(operands, norm));
      case Normalization.LayerNormGradient gradient -> layerNormGradient(operands, gradient);
      case TensorOp.Linear linear -> List.of(linear(operands, linear.activation()));
      case Attention.ScaledDotProductAttention attention -> List.of(attention(operands, attention));
      case Attention.AttentionGradient attention -> attentionGradient(operands, attention);
      default -> throw new IllegalStateException("not kept: " + op.name());
    };
  }

  /** Of a logarithm that is there already: a loss has it, and its gradient asks for this. */
  private String softmax(Term x, SoftmaxOp.Softmax op) {
    var tensor = x.tensor();
    var log = logarithms.get(new Key(op, List.of(tensor)));
    return log != null
        ? "torch.exp(%s)".formatted(log)
        : "torch.softmax(%s, %d, None)".formatted(tensor, op.axis());
  }

  private String logSoftmax(Term x, SoftmaxOp.LogSoftmax op) {
    var tensor = x.tensor();
    var log = script.let("torch.log_softmax(%s, %d, None)", tensor, op.axis());
    // A bf16 logarithm of a small number is too coarse.
    if (x.dtype().bits() >= Float.SIZE) {
      logarithms.put(new Key(new SoftmaxOp.Softmax(op.axis()), List.of(tensor)), log);
    }
    return log;
  }

  private static String gelu(String x, boolean tanh) {
    return "torch.gelu(%s, approximate=\"%s\")".formatted(x, tanh ? "tanh" : "none");
  }

  private String linear(List<Term> operands, TensorOp.LinearActivation activation) {
    var x = operands.getFirst().tensor();
    var weight = operands.get(1).tensor();
    var bias = operands.size() == 3 ? operands.get(2).tensor() : "None";
    var y = script.let("torch.linear(%s, %s, %s)", x, weight, bias);
    return switch (activation) {
      case NONE -> y;
      case RELU -> "torch.relu_(%s)".formatted(y);
      case GELU -> gelu(y, false);
      case GELU_TANH -> gelu(y, true);
      case SILU -> "torch.silu_(%s)".formatted(y);
    };
  }

  // ---- layer norm

  private String layerNorm(List<Term> operands, Normalization.LayerNorm op) {
    var x = operands.getFirst();
    var y = script.name();
    var statistics = new Statistics(script.name(), script.name());
    var tensor = x.tensor();
    script.line(
        "%s, %s, %s = torch.native_layer_norm(%s, %s, %s, %s, %s)",
        y,
        statistics.first(),
        statistics.second(),
        tensor,
        normalised(x, op.axes()),
        operands.get(1).tensor(),
        operands.get(2).tensor(),
        op.epsilon());
    known.put(
        new Key(new Normalization.LayerNormGradient(op.axes(), op.epsilon()), List.of(tensor)),
        statistics);
    return y;
  }

  private List<String> layerNormGradient(List<Term> operands, Normalization.LayerNormGradient op) {
    var x = operands.getFirst();
    var tensor = x.tensor();
    var scale = operands.get(1).tensor();
    var statistics = known.get(new Key(op, List.of(tensor)));
    if (statistics == null) {
      statistics = new Statistics(script.name(), script.name());
      script.line(
          "%s, %s, %s = torch.native_layer_norm(%s, %s, None, None, %s)",
          script.name(),
          statistics.first(),
          statistics.second(),
          tensor,
          normalised(x, op.axes()),
          op.epsilon());
    }
    var results = List.of(script.name(), script.name(), script.name());
    script.line(
        "%s, %s, %s = torch.native_layer_norm_backward(%s, %s, %s, %s, %s, %s, %s, [True, True, True])",
        results.get(0),
        results.get(1),
        results.get(2),
        operands.get(2).tensor(),
        tensor,
        normalised(x, op.axes()),
        statistics.first(),
        statistics.second(),
        scale,
        scale);
    return results;
  }

  private static String normalised(Term x, int axes) {
    int rank = x.type().rank();
    return list(x.type().shape().range(rank - axes, rank).toList());
  }

  // ---- attention

  private String attention(List<Term> operands, Attention.ScaledDotProductAttention op) {
    var tensors = operands.stream().map(Term::tensor).toList();
    return forward(tensors, op.causal(), op.scale(), gradientOf(op)).first();
  }

  private static Attention.AttentionGradient gradientOf(Attention.ScaledDotProductAttention op) {
    return new Attention.AttentionGradient(op.scale(), op.causal(), false, false, 0, 0);
  }

  private Statistics forward(
      List<String> tensors, boolean causal, double scale, Attention.AttentionGradient gradient) {
    var statistics = new Statistics(script.name(), script.name());
    script.line(
        "%s, %s = torch._scaled_dot_product_flash_attention_for_cpu(%s, %s, %s, 0., %s, attn_mask=None, scale=%s)",
        statistics.first(),
        statistics.second(),
        tensors.get(0),
        tensors.get(1),
        tensors.get(2),
        causal ? "True" : "False",
        scale);
    known.put(new Key(gradient, tensors), statistics);
    return statistics;
  }

  private List<String> attentionGradient(List<Term> operands, Attention.AttentionGradient op) {
    var tensors = operands.subList(0, 3).stream().map(Term::tensor).toList();
    var key = new Key(op, tensors);
    var statistics = known.get(key);
    if (statistics == null) statistics = forward(tensors, op.causal(), op.scale(), op);
    var results = List.of(script.name(), script.name(), script.name());
    script.line(
        "%s, %s, %s = torch._scaled_dot_product_flash_attention_for_cpu_backward(%s, %s, %s, %s, %s, %s, 0., %s, attn_mask=None, scale=%s)",
        results.get(0),
        results.get(1),
        results.get(2),
        operands.get(3).tensor(),
        tensors.get(0),
        tensors.get(1),
        tensors.get(2),
        statistics.first(),
        statistics.second(),
        op.causal() ? "True" : "False",
        op.scale());
    return results;
  }
}
