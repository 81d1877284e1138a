package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Losses of classifiers: inputs [N, C, …] and labels [N, …]. */
final class LossOperators {
  private LossOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("NegativeLogLikelihoodLoss", Operator.one(n -> loss(n, n.x(0)))),
        entry("SoftmaxCrossEntropyLoss", Operator.all(LossOperators::crossEntropy)));
  }

  private static List<Value> crossEntropy(OpContext n) {
    var logs = n.g.add(new SoftmaxOp.LogSoftmax(1), n.x(0));
    var results = new ArrayList<>(List.of(loss(n, logs)));
    if (n.hasOutput(1)) results.add(logs);
    return results;
  }

  private static Value loss(OpContext n, Value logs) {
    var g = n.g;
    var labels = g.convert(n.x(1), DType.I64);
    if (logs.rank() < 2) throw n.error("needs [N, C, …]; got " + logs.type());
    var zero = g.zerosLike(labels);
    Value counts = null;
    var safe = labels;
    if (n.hasAttribute("ignore_index")) {
      var ignored =
          g.broadcastTo(g.scalar(DType.I64, n.integer("ignore_index", 0)), labels.shape());
      counts = g.compare(CompareKind.NE, labels, ignored);
      safe = g.select(counts, labels, zero);
    }
    var column = g.reshape(safe, labels.shape().insert(1, 1));
    var picked = g.reshape(g.add(new Primitive.GatherElements(1), logs, column), labels.shape());
    var dtype = logs.type().dtype();
    var weights = g.fill(picked.type(), 1);
    if (n.has(2)) weights = g.add(new Primitive.Gather(0), g.convert(n.x(2), dtype), safe);
    if (counts != null) weights = g.select(counts, weights, g.zerosLike(weights));
    var losses = g.neg(g.mul(picked, weights));
    var axes = losses.shape().axes();
    var reduction = n.text("reduction", "mean");
    return switch (reduction) {
      case "none" -> losses;
      case "sum" -> g.reshape(g.sum(losses, axes), Shape.scalar());
      case "mean" -> g.div(g.sum(losses, axes), g.sum(weights, axes));
      default -> throw n.error("has reduction '%s'".formatted(reduction));
    };
  }
}
