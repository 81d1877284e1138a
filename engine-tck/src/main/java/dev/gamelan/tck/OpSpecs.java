package dev.gamelan.tck;

import dev.gamelan.tck.OpSpec.Case;
import dev.gamelan.tck.Values.Range;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** A row for each op kind: every engine passes every row for the dtypes that it declares. */
public final class OpSpecs {
  static final Set<DType> COMPUTE = filtered(dtype -> !dtype.isStorage());
  static final Set<DType> FLOATS = filtered(d -> d.isFloat() && !d.isStorage());
  static final Set<DType> INTEGERS = filtered(d -> d.isInteger() && !d.isStorage());
  static final Set<DType> NUMBERS = filtered(d -> !d.isBool() && !d.isStorage());
  static final Set<DType> BITS = filtered(d -> !d.isFloat() && !d.isStorage());
  static final Set<DType> ALL = EnumSet.allOf(DType.class);
  static final Values ANY = new Range(-3, 3);
  static final Values POSITIVE = new Range(0.1, 3);

  private OpSpecs() {}

  private static Set<DType> filtered(Predicate<DType> predicate) {
    var set = EnumSet.allOf(DType.class);
    set.removeIf(predicate.negate());
    return set;
  }

  /** Every row. */
  public static List<OpSpec> all() {
    return Stream.of(PointwiseSpecs.all(), PrimitiveSpecs.all(), CompositeSpecs.all())
        .flatMap(List::stream)
        .toList();
  }

  static OpSpec row(
      String op, Set<DType> dtypes, boolean differentiable, Function<DType, List<Case>> cases) {
    return new OpSpec(op, dtypes, differentiable, cases);
  }

  static TensorType t(DType dtype, long... shape) {
    return TensorType.of(dtype, shape);
  }
}
