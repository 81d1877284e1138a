package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Normalisation layers. */
final class NormalizationOperators {
  private NormalizationOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("BatchNormalization", Operator.all(NormalizationOperators::batchNorm)),
        entry("InstanceNormalization", Operator.one(NormalizationOperators::instanceNorm)),
        entry("GroupNormalization", Operator.one(NormalizationOperators::groupNorm)),
        entry("LayerNormalization", Operator.all(NormalizationOperators::layerNorm)),
        entry("RMSNormalization", Operator.one(NormalizationOperators::rmsNorm)),
        // ONNX Runtime's optimiser writes this one into the standard's domain.
        entry("SimplifiedLayerNormalization", Operator.one(NormalizationOperators::rmsNorm)),
        entry("LRN", Operator.one(NormalizationOperators::lrn)),
        entry(
            "MeanVarianceNormalization",
            Operator.one(NormalizationOperators::meanVarianceNormalization)));
  }

  private static List<Value> batchNorm(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var dtype = x.type().dtype();
    double epsilon = n.number("epsilon", 1e-5f);
    boolean training = n.flag("training_mode", false) || (n.opset() < 14 && n.hasOutput(1));
    var scale = g.convert(n.x(1), dtype);
    var shift = g.convert(n.x(2), dtype);
    if (!training) {
      var op = new Normalization.BatchNormInference(epsilon);
      var mean = g.convert(n.x(3), dtype);
      return g.addAll(op, List.of(x, scale, shift, mean, g.convert(n.x(4), dtype)));
    }
    var results = g.addAll(new Normalization.BatchNormTraining(epsilon), List.of(x, scale, shift));
    double momentum = n.number("momentum", 0.9f);
    return List.of(
        results.getFirst(),
        running(g, n.x(3), results.get(1), momentum),
        running(g, n.x(4), results.get(2), momentum));
  }

  private static Value running(GraphBuilder g, Value past, Value now, double momentum) {
    return g.add(g.mul(past, momentum), g.mul(g.convert(now, past.type().dtype()), 1 - momentum));
  }

  private static Value instanceNorm(OpContext n) {
    var x = n.x(0);
    if (x.rank() < 3) throw n.error("needs [N, C, spatial…]; got " + x.type());
    var op = new Normalization.GroupNorm(x.dim(1), n.number("epsilon", 1e-5f));
    return n.g.add(op, x, n.x(1), n.x(2));
  }

  private static Value groupNorm(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    long groups = n.required("num_groups").integer();
    var scale = n.x(1);
    var shift = n.x(2);
    // Before opset 21 they have one number a group.
    if (n.opset() < 21) {
      scale = spread(n, scale, x.dim(1), groups);
      shift = spread(n, shift, x.dim(1), groups);
    }
    var op = new Normalization.GroupNorm(groups, n.number("epsilon", 1e-5f));
    return g.add(op, x, scale, shift);
  }

  private static Value spread(OpContext n, Value ofGroups, long channels, long groups) {
    if (groups < 1 || channels % groups != 0 || ofGroups.shape().size() != groups) return ofGroups;
    var wide = Shape.of(groups, channels / groups);
    return n.g.reshape(n.g.broadcastInDim(ofGroups, wide, List.of(0)), Shape.of(channels));
  }

  /** Scale and shift may be of any shape that broadcasts; the composite takes the usual one. */
  static List<Value> layerNorm(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    int axis = n.axis(n.integer("axis", -1), x.shape());
    double epsilon = n.number("epsilon", 1e-5f);
    int axes = x.rank() - axis;
    var normalised = x.shape().range(axis, x.rank());
    var scale = n.x(1);
    boolean usual =
        scale.shape().equals(normalised)
            && scale.type().dtype() == x.type().dtype()
            && (!n.has(2) || n.x(2).type().equals(scale.type()));
    Value y;
    if (usual) {
      var shift = n.optional(2).orElseGet(() -> g.zerosLike(n.x(1)));
      y = g.add(new Normalization.LayerNorm(axes, epsilon), x, scale, shift);
    } else {
      var standard = x.type().with(normalised);
      y =
          g.add(
              new Normalization.LayerNorm(axes, epsilon),
              x,
              g.fill(standard, 1),
              g.fill(standard, 0));
      y = g.mul(y, g.convert(scale, x.type().dtype()));
      if (n.has(2)) y = g.add(y, g.convert(n.x(2), x.type().dtype()));
    }
    var results = new ArrayList<>(List.of(y));
    if (n.hasOutput(1) || n.hasOutput(2)) results.addAll(statistics(n, x, axis, epsilon));
    return results;
  }

  /** The mean and the inverse deviation. */
  static List<Value> statistics(OpContext n, Value operand, int axis, double epsilon) {
    var g = n.g;
    var x = g.widen(operand);
    var over = ShapeOperators.axes(axis, x.rank());
    var mean = g.meanKeep(x, over);
    var centred = g.sub(x, mean);
    var deviation = g.rsqrt(g.add(g.meanKeep(g.mul(centred, centred), over), epsilon));
    var dtype = n.dtype(n.integer("stash_type", 1));
    return List.of(g.convert(mean, dtype), g.convert(deviation, dtype));
  }

  static Value rmsNorm(OpContext n) {
    var x = n.x(0);
    int axis = n.axis(n.integer("axis", -1), x.shape());
    return rmsNorm(n, x, n.x(1), axis, n.number("epsilon", 1e-5f));
  }

  static Value rmsNorm(OpContext n, Value x, Value scale, int axis, double epsilon) {
    var g = n.g;
    boolean last = axis == x.rank() - 1 && scale.shape().equals(x.shape().range(axis, x.rank()));
    if (last && scale.type().dtype() == x.type().dtype()) {
      return g.add(new Normalization.RmsNorm(epsilon), x, scale);
    }
    var wide = g.widen(x);
    var over = ShapeOperators.axes(axis, x.rank());
    var inverse = g.rsqrt(g.add(g.meanKeep(g.mul(wide, wide), over), epsilon));
    var y = g.convert(g.mul(wide, inverse), x.type().dtype());
    return g.mul(y, g.convert(scale, x.type().dtype()));
  }

  /** x / (bias + α/size · Σ x²)^β, the sum over neighbouring channels. */
  private static Value lrn(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    if (x.rank() < 3) throw n.error("needs [N, C, spatial…]; got " + x.type());
    long size = n.required("size").integer();
    if (size < 1) throw n.error("needs a size of at least 1; got " + size);
    double alpha = n.number("alpha", 1e-4f);
    long before = (size - 1) / 2;
    long rest = x.shape().range(2, x.rank()).size();
    // The channels as the spatial axis of a pool.
    var rows = g.reshape(g.mul(x, x), Shape.of(x.dim(0), 1, x.dim(1), rest));
    var window =
        new Window(
            List.of(1L, 1L), List.of(before, 0L), List.of(size - 1 - before, 0L), List.of(1L, 1L));
    var sum = g.add(new Primitive.Pool(PoolKind.SUM, Shape.of(size, 1), window, false), rows);
    var scaled = g.add(g.mul(g.reshape(sum, x.shape()), alpha / size), n.number("bias", 1));
    return g.div(x, g.binary(BinaryKind.POW, scaled, n.number("beta", 0.75)));
  }

  private static Value meanVarianceNormalization(OpContext n) {
    var g = n.g;
    var x = g.widen(n.x(0));
    var given = n.integers("axes");
    var axes = given == null ? List.of(0, 2, 3) : n.axes(given, x.rank());
    var centred = g.sub(x, g.meanKeep(x, axes));
    var variance = g.meanKeep(g.mul(centred, centred), axes);
    var deviation = g.add(g.unary(UnaryKind.SQRT, variance), 1e-9);
    var dtype = n.x(0).type().dtype();
    return g.convert(g.div(centred, deviation), dtype);
  }
}
