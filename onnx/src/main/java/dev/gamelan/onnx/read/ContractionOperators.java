package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Broadcasting;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Products of matrices. */
final class ContractionOperators {
  private ContractionOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("MatMul", Operator.one(n -> matmul(n.g, n.x(0), n.x(1), n.x(0).type().dtype()))),
        entry("Gemm", Operator.one(ContractionOperators::gemm)),
        entry("Einsum", Operator.one(ContractionOperators::einsum)),
        entry("Det", Operator.one(ContractionOperators::determinant)));
  }

  /** NumPy's matmul: vectors are rows and columns, leading axes broadcast. */
  static Value matmul(GraphBuilder g, Value left, Value right, DType result) {
    if (left.rank() == 0 || right.rank() == 0) {
      throw new IllegalArgumentException(
          "needs vectors or matrices; got %s and %s".formatted(left.type(), right.type()));
    }
    var a = left.rank() == 1 ? g.reshape(left, Shape.of(1, left.dim(0))) : left;
    var b = right.rank() == 1 ? g.reshape(right, Shape.of(right.dim(0), 1)) : right;
    var product = matrices(g, a, b, result);
    var dropped = new ArrayList<Integer>();
    if (left.rank() == 1) dropped.add(product.rank() - 2);
    if (right.rank() == 1) dropped.add(product.rank() - 1);
    return g.reshape(product, product.shape().without(dropped));
  }

  private static Value matrices(GraphBuilder g, Value a, Value b, DType result) {
    var batch =
        Broadcasting.common(
            "matmul", a.shape().range(0, a.rank() - 2), b.shape().range(0, b.rank() - 2));
    // A matrix on the right of a batch is one contraction; nothing is repeated.
    boolean shared = b.rank() == 2;
    var left = shared ? a : g.broadcastTo(a, batch.append(a.dim(-2), a.dim(-1)));
    var rightValue = shared ? b : g.broadcastTo(b, batch.append(b.dim(-2), b.dim(-1)));
    var axes = ShapeOperators.axes(0, rightValue.rank() - 2);
    return g.add(
        new Primitive.DotGeneral(
            axes, axes, List.of(left.rank() - 1), List.of(rightValue.rank() - 2), result),
        left,
        rightValue);
  }

  private static Value gemm(OpContext n) {
    var g = n.g;
    var a = n.x(0);
    var b = n.x(1);
    var dtype = a.type().dtype();
    var axisOfA = List.of(n.flag("transA", false) ? 0 : 1);
    var axisOfB = List.of(n.flag("transB", false) ? 1 : 0);
    var y = g.add(new Primitive.DotGeneral(List.of(), List.of(), axisOfA, axisOfB, dtype), a, b);
    y = scale(g, y, n.number("alpha", 1));
    return n.has(2) ? g.add(y, scale(g, n.x(2), n.number("beta", 1))) : y;
  }

  /** Integers too: the factor truncates. */
  private static Value scale(GraphBuilder g, Value x, double factor) {
    return factor == 1 ? x : g.mul(x, factor);
  }

  // ---- einsum

  /** Operands are contracted from the left to the right, two at a time. */
  private static Value einsum(OpContext n) {
    var g = n.g;
    var equation = n.required("equation").string().replace(" ", "");
    var sides = equation.split("->", -1);
    var terms = new ArrayList<>(List.of(sides[0].split(",", -1)));
    if (terms.size() != n.inputs()) {
      throw n.error("has %d inputs for '%s'".formatted(n.inputs(), equation));
    }
    int ellipsis = 0;
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i).contains("...")) {
        ellipsis = Math.max(ellipsis, n.x(i).rank() - (terms.get(i).length() - 3));
      }
    }
    // The axes of an ellipsis get letters that no equation uses.
    var letters =
        IntStream.range(0, ellipsis)
            .mapToObj(i -> String.valueOf((char) ('\u0400' + i)))
            .collect(Collectors.joining());
    for (int i = 0; i < terms.size(); i++) {
      int own = n.x(i).rank() - (terms.get(i).length() - 3);
      if (!terms.get(i).contains("...")) continue;
      terms.set(i, terms.get(i).replace("...", letters.substring(ellipsis - own)));
    }
    var output = sides.length > 1 ? sides[1].replace("...", letters) : implied(terms, letters);
    Term result = null;
    for (int i = 0; i < terms.size(); i++) {
      if (terms.get(i).length() != n.x(i).rank()) {
        throw n.error("has %s for '%s' of '%s'".formatted(n.x(i).type(), terms.get(i), equation));
      }
      var term = diagonal(g, new Term(terms.get(i), n.x(i)));
      var later = output + String.join("", terms.subList(i + 1, terms.size()));
      result = result == null ? term : contract(g, result, term, later);
      result = sumLoose(g, result, later);
    }
    if (result == null) throw n.error("has no operands");
    var last = result;
    if (!last.axes()
        .chars()
        .sorted()
        .boxed()
        .toList()
        .equals(output.chars().sorted().boxed().toList())) {
      throw n.error("can't give '%s' from '%s'".formatted(output, sides[0]));
    }
    var order = output.chars().mapToObj(c -> last.axes().indexOf(c)).toList();
    return g.transpose(last.value(), order);
  }

  /** A value, and a letter for each of its axes. */
  private record Term(String axes, Value value) {}

  private static String implied(List<String> terms, String letters) {
    var counts = new HashMap<Integer, Integer>();
    String.join("", terms).chars().forEach(c -> counts.merge(c, 1, Integer::sum));
    return letters
        + counts.entrySet().stream()
            .filter(entry -> entry.getValue() == 1 && letters.indexOf(entry.getKey()) < 0)
            .map(Map.Entry::getKey)
            .sorted()
            .map(Character::toString)
            .collect(Collectors.joining());
  }

  /** A letter that stands twice in one term: only where both indices are equal. */
  private static Term diagonal(GraphBuilder g, Term term) {
    for (int i = 0; i < term.axes().length(); i++) {
      int j = term.axes().indexOf(term.axes().charAt(i), i + 1);
      if (j < 0) continue;
      var x = term.value();
      var index = new TensorType(DType.I64, x.shape());
      var equal = g.compare(CompareKind.EQ, g.iota(index, i), g.iota(index, j));
      var summed = g.sum(g.select(equal, x, g.zerosLike(x)), List.of(j));
      var axes = term.axes().substring(0, j) + term.axes().substring(j + 1);
      return diagonal(g, new Term(axes, summed));
    }
    return term;
  }

  private static Term sumLoose(GraphBuilder g, Term term, String needed) {
    var loose =
        IntStream.range(0, term.axes().length())
            .filter(i -> needed.indexOf(term.axes().charAt(i)) < 0)
            .boxed()
            .toList();
    var axes =
        term.axes().chars().filter(c -> needed.indexOf(c) >= 0).mapToObj(Character::toString);
    return new Term(axes.collect(Collectors.joining()), g.sum(term.value(), loose));
  }

  private static Term contract(GraphBuilder g, Term left, Term right, String needed) {
    var a = new Term(left.axes(), stretch(g, left, right));
    var b = new Term(right.axes(), stretch(g, right, left));
    var shared = common(a.axes(), b.axes());
    var batch = shared.chars().filter(c -> needed.indexOf(c) >= 0).boxed().toList();
    var summed = shared.chars().filter(c -> needed.indexOf(c) < 0).boxed().toList();
    var dot =
        new Primitive.DotGeneral(
            batch.stream().map(a.axes()::indexOf).toList(),
            batch.stream().map(b.axes()::indexOf).toList(),
            summed.stream().map(a.axes()::indexOf).toList(),
            summed.stream().map(b.axes()::indexOf).toList(),
            a.value().type().dtype());
    var axes = new StringBuilder();
    batch.forEach(axes::appendCodePoint);
    a.axes().chars().filter(c -> shared.indexOf(c) < 0).forEach(axes::appendCodePoint);
    b.axes().chars().filter(c -> shared.indexOf(c) < 0).forEach(axes::appendCodePoint);
    return new Term(axes.toString(), g.add(dot, a.value(), b.value()));
  }

  /** With the axes of size 1 that the other term has larger broadcast. */
  private static Value stretch(GraphBuilder g, Term term, Term other) {
    var shape = term.value().shape();
    for (int i = 0; i < shape.rank(); i++) {
      int at = other.axes().indexOf(term.axes().charAt(i));
      if (at >= 0 && shape.dim(i) == 1) shape = shape.with(i, other.value().dim(at));
    }
    return g.broadcastTo(term.value(), shape);
  }

  private static String common(String a, String b) {
    return a.chars()
        .filter(c -> b.indexOf(c) >= 0)
        .mapToObj(Character::toString)
        .collect(Collectors.joining());
  }

  // ---- determinant

  /**
   * Gaussian elimination with partial pivoting, a step for each row; sizes of determinants in
   * models are small.
   */
  private static Value determinant(OpContext n) {
    var x = n.g.widen(n.x(0));
    if (x.rank() < 2 || x.dim(-1) != x.dim(-2))
      throw n.error("needs square matrices; got " + x.type());
    if (x.dim(-1) > 64) throw n.error("has %s; at most 64 rows are taken".formatted(x.type()));
    var det = Determinant.of(n.g, x);
    return n.g.convert(det, n.x(0).type().dtype());
  }
}
