package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.RandomOp;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Map;

/** Random numbers: from the context's key, or from a seed that the node names. */
final class RandomOperators {
  private RandomOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("RandomNormal", Operator.one(n -> normal(n, shape(n), DType.F32))),
        entry("RandomUniform", Operator.one(n -> uniform(n, shape(n), DType.F32))),
        entry(
            "RandomNormalLike", Operator.one(n -> normal(n, n.type(0).shape(), n.type(0).dtype()))),
        entry(
            "RandomUniformLike",
            Operator.one(n -> uniform(n, n.type(0).shape(), n.type(0).dtype()))),
        entry("Bernoulli", Operator.one(RandomOperators::bernoulli)),
        entry("Multinomial", Operator.one(RandomOperators::multinomial)),
        entry("Dropout", Operator.all(RandomOperators::dropout)));
  }

  private static Shape shape(OpContext n) {
    n.required("shape");
    return Shape.of(n.integers("shape", List.of()));
  }

  private static Value key(OpContext n) {
    var seed = n.attribute("seed");
    if (seed == null) return n.value(n.importer().key());
    return seeded(n, Float.floatToIntBits(seed.number()));
  }

  private static Value seeded(OpContext n, long seed) {
    var words = new long[] {(int) (seed >>> 32), (int) seed};
    return n.value(new Operand.Known(Array.of(RandomOp.KEY, words)));
  }

  private static DType dtype(OpContext n, DType otherwise) {
    return n.hasAttribute("dtype") ? n.dtype(n.integer("dtype", 1)) : otherwise;
  }

  private static Value normal(OpContext n, Shape shape, DType otherwise) {
    var type = new TensorType(dtype(n, otherwise), shape);
    var standard = n.g.add(new RandomOp.RandomNormal(type), key(n));
    return n.g.add(n.g.mul(standard, n.number("scale", 1)), n.number("mean", 0));
  }

  private static Value uniform(OpContext n, Shape shape, DType otherwise) {
    var type = new TensorType(dtype(n, otherwise), shape);
    double low = n.number("low", 0);
    double high = n.number("high", 1);
    var unit = n.g.add(new RandomOp.RandomUniform(type), key(n));
    return n.g.add(n.g.mul(unit, high - low), low);
  }

  private static Value bernoulli(OpContext n) {
    var g = n.g;
    var p = g.widen(n.x(0));
    var unit = g.add(new RandomOp.RandomUniform(p.type()), key(n));
    return g.convert(g.compare(CompareKind.LT, unit, p), dtype(n, n.type(0).dtype()));
  }

  /** A row of classes for each row of unnormalised log probabilities. */
  private static Value multinomial(OpContext n) {
    var g = n.g;
    var logits = n.x(0);
    long count = n.integer("sample_size", 1);
    var wide = Shape.of(logits.dim(0), count, logits.dim(1));
    var repeated = g.broadcastInDim(logits, wide, List.of(0, 2));
    var classes = g.add(new RandomOp.Categorical(), key(n), repeated);
    return g.convert(classes, dtype(n, DType.I32));
  }

  private static List<Value> dropout(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    boolean training = n.opset() >= 12 && n.has(2) && n.longAt(2) != 0;
    double rate = n.opset() < 12 ? n.number("ratio", 0.5) : n.has(1) ? n.doubleAt(1) : 0.5;
    var all = x.type().with(DType.BOOL);
    if (!training || rate == 0) return List.of(x, g.fill(all, 1));
    var ones = g.fill(x.type(), 1);
    // The seed of this one is an integer.
    var key =
        n.hasAttribute("seed") ? seeded(n, n.integer("seed", 0)) : n.value(n.importer().key());
    var kept = g.add(new RandomOp.Dropout(rate), key, ones);
    var mask = g.compare(CompareKind.NE, kept, g.zerosLike(kept));
    return List.of(g.mul(x, kept), mask);
  }
}
