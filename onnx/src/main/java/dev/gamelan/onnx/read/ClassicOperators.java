package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Map;

/** Of the domain for classic machine learning, what prepares inputs of networks. */
final class ClassicOperators {
  private ClassicOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Binarizer", Operator.one(ClassicOperators::binarizer)),
        entry("Scaler", Operator.one(ClassicOperators::scaler)),
        entry("ArrayFeatureExtractor", Operator.one(ClassicOperators::extract)));
  }

  private static Value binarizer(OpContext n) {
    var x = n.x(0);
    var above = n.g.compare(CompareKind.GT, x, n.number("threshold", 0));
    return n.g.convert(above, x.type().dtype());
  }

  private static Value scaler(OpContext n) {
    var g = n.g;
    var x = g.convert(n.x(0), DType.F32);
    var offset = vector(n, "offset", 0);
    return g.mul(g.sub(x, offset), vector(n, "scale", 1));
  }

  private static Value vector(OpContext n, String attribute, float otherwise) {
    var numbers = n.numbers(attribute, List.of(otherwise));
    var elements = numbers.stream().mapToDouble(Float::doubleValue).toArray();
    var type = TensorType.of(DType.F32, elements.length);
    return n.value(new Operand.Known(Array.of(type, elements)));
  }

  private static Value extract(OpContext n) {
    var x = n.x(0).rank() == 1 ? n.g.reshape(n.x(0), Shape.of(1, n.x(0).dim(0))) : n.x(0);
    var indices = n.g.reshape(n.x(1), Shape.of(n.x(1).shape().size()));
    return n.g.add(new Primitive.Gather(x.rank() - 1), x, indices);
  }
}
