package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Map;

/** Tensors that come from attributes, shapes and numbers. */
final class SourceOperators {
  private SourceOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Constant", SourceOperators::constant),
        entry("ConstantOfShape", Operator.one(SourceOperators::constantOfShape)),
        entry("Range", Operator.one(SourceOperators::range)),
        entry("EyeLike", Operator.one(SourceOperators::eyeLike)));
  }

  private static List<Operand> constant(OpContext n) {
    var name = n.node().outputs().isEmpty() ? "" : n.node().outputs().getFirst();
    var tensor = n.attribute("value");
    if (tensor != null && tensor.tensor() != null) {
      return List.of(n.importer().constant(tensor.tensor(), name));
    }
    var sparse = n.attribute("sparse_value");
    if (sparse != null && sparse.sparseTensor() != null) {
      return List.of(new Operand.Known(n.importer().dense(sparse.sparseTensor())));
    }
    if (n.hasAttribute("value_int"))
      return List.of(ShapeOperators.scalar(n.integer("value_int", 0)));
    if (n.hasAttribute("value_float")) {
      return List.of(floats(Shape.scalar(), List.of((float) n.number("value_float", 0))));
    }
    var integers = n.integers("value_ints");
    if (integers != null) return List.of(Importer.known(integers));
    var numbers = n.attribute("value_floats");
    if (numbers != null) {
      return List.of(floats(Shape.of(numbers.numbers().size()), numbers.numbers()));
    }
    throw n.error("has no value that is a number, or a tensor of numbers");
  }

  private static Operand floats(Shape shape, List<Float> elements) {
    var doubles = elements.stream().mapToDouble(Float::doubleValue).toArray();
    return new Operand.Known(Array.of(new TensorType(DType.F32, shape), doubles));
  }

  private static Value constantOfShape(OpContext n) {
    var shape = Shape.of(n.longs(0));
    var attribute = n.attribute("value");
    if (attribute == null || attribute.tensor() == null) {
      return n.g.fill(new TensorType(DType.F32, shape), 0);
    }
    var value = n.importer().constant(attribute.tensor(), "value");
    if (value.type().size() != 1)
      throw n.error("needs a value of one element; got " + value.type());
    var element = n.g.reshape(n.value(value), Shape.scalar());
    return n.g.broadcastTo(element, shape);
  }

  private static Value range(OpContext n) {
    var dtype = n.type(0).dtype();
    double count;
    if (dtype.isFloat()) {
      double start = n.doubleAt(0);
      count = Math.ceil((n.doubleAt(1) - start) / n.doubleAt(2));
    } else {
      long delta = n.longAt(2);
      if (delta == 0) throw n.error("has a step of 0");
      count = Math.ceilDiv(Math.subtractExact(n.longAt(1), n.longAt(0)), delta);
    }
    if (!(count < Long.MAX_VALUE)) throw n.error("has no end");
    var type = TensorType.of(dtype, (long) Math.max(count, 0));
    var index = n.g.iota(type, 0);
    return n.g.add(n.g.mul(index, flat(n, 2, type)), flat(n, 0, type));
  }

  private static Value flat(OpContext n, int index, TensorType type) {
    return n.g.broadcastTo(n.g.reshape(n.x(index), Shape.scalar()), type.shape());
  }

  private static Value eyeLike(OpContext n) {
    var type = n.type(0);
    if (type.rank() != 2) throw n.error("needs a matrix; got " + type);
    var dtype = n.hasAttribute("dtype") ? n.dtype(n.integer("dtype", 1)) : type.dtype();
    var index = type.with(DType.I64);
    var diagonal = n.g.add(n.g.iota(index, 0), n.g.scalar(DType.I64, n.integer("k", 0)));
    return n.g.convert(n.g.compare(CompareKind.EQ, diagonal, n.g.iota(index, 1)), dtype);
  }
}
