package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.BitSet;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** What ops demand of their operands, in the words of {@link ShapeException}. */
final class Expect {
  private Expect() {}

  /** {@code needs} and {@code remedy} complete "op: needs …; got …; remedy". */
  static void that(boolean holds, Op op, List<TensorType> got, String needs, String remedy) {
    if (!holds) throw refusal(op, got, needs, remedy);
  }

  /** Inference runs again and again, so words that must be put together wait for the refusal. */
  static void that(
      boolean holds, Op op, List<TensorType> got, Supplier<String> needs, String remedy) {
    if (!holds) throw refusal(op, got, needs.get(), remedy);
  }

  private static ShapeException refusal(Op op, List<TensorType> got, String needs, String remedy) {
    return new ShapeException(
        "%s: needs %s; got %s; %s".formatted(op.name(), needs, list(got), remedy));
  }

  static void count(Op op, List<TensorType> got, int count) {
    that(got.size() == count, op, got, () -> plural(count, "operand"), "pass exactly that many");
  }

  static void atLeast(Op op, List<TensorType> got, int count) {
    that(got.size() >= count, op, got, () -> "at least " + plural(count, "operand"), "pass them");
  }

  static void sameTypes(Op op, List<TensorType> got, List<TensorType> operands) {
    boolean same = true;
    for (var operand : operands) same &= operand.equals(operands.getFirst());
    that(
        same, op, got, "operands of one type", "broadcast the shapes and convert the dtypes first");
  }

  static void dtype(
      Op op, List<TensorType> got, TensorType type, Predicate<DType> allowed, String needs) {
    that(
        !type.dtype().isStorage(),
        op,
        got,
        () -> "a dtype to compute with; %s is for storage".formatted(type.dtype()),
        "convert it first");
    that(allowed.test(type.dtype()), op, got, needs, "convert it first");
  }

  static void computes(Op op, List<TensorType> got, TensorType type) {
    dtype(op, got, type, dtype -> true, "a dtype that can be computed with");
  }

  static void floats(Op op, List<TensorType> got, TensorType type) {
    dtype(op, got, type, DType::isFloat, "a floating-point operand");
  }

  static void numbers(Op op, List<TensorType> got, TensorType type) {
    dtype(op, got, type, dtype -> !dtype.isBool(), "numbers, not bool");
  }

  static void indices(Op op, List<TensorType> got, TensorType type) {
    dtype(op, got, type, DType::isInteger, "integer indices");
  }

  static int axis(Op op, List<TensorType> got, TensorType type, int axis) {
    that(
        axis >= 0 && axis < type.rank(),
        op,
        got,
        () -> "an axis in [0, rank); axis is " + axis,
        "count axes from 0");
    return axis;
  }

  static void distinctAxes(Op op, List<TensorType> got, TensorType type, List<Integer> axes) {
    var seen = new BitSet();
    for (int axis : axes) seen.set(axis(op, got, type, axis));
    that(
        seen.cardinality() == axes.size(),
        op,
        got,
        () -> "distinct axes; they are " + axes,
        "name each axis once");
  }

  static String list(List<TensorType> types) {
    if (types.isEmpty()) return "nothing";
    return types.stream().map(TensorType::toString).collect(Collectors.joining(" and "));
  }

  private static String plural(int count, String noun) {
    return count + " " + noun + (count == 1 ? "" : "s");
  }
}
