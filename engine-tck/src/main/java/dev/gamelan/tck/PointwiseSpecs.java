package dev.gamelan.tck;

import static dev.gamelan.tck.OpSpecs.ALL;
import static dev.gamelan.tck.OpSpecs.ANY;
import static dev.gamelan.tck.OpSpecs.BITS;
import static dev.gamelan.tck.OpSpecs.COMPUTE;
import static dev.gamelan.tck.OpSpecs.FLOATS;
import static dev.gamelan.tck.OpSpecs.INTEGERS;
import static dev.gamelan.tck.OpSpecs.NUMBERS;
import static dev.gamelan.tck.OpSpecs.POSITIVE;
import static dev.gamelan.tck.OpSpecs.row;
import static dev.gamelan.tck.OpSpecs.t;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.tck.OpSpec.Case;
import dev.gamelan.tck.Values.Indices;
import dev.gamelan.tck.Values.Range;
import dev.gamelan.tck.Values.Special;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/** The rows of sources and pointwise primitives. */
final class PointwiseSpecs {
  private PointwiseSpecs() {}

  static List<OpSpec> all() {
    return Stream.of(sources(), unaries(), binaries(), pointwise()).flatMap(List::stream).toList();
  }

  private static List<OpSpec> sources() {
    return List.of(
        row(
            "constant",
            ALL,
            false,
            d -> {
              var elements = Stream.of(0L, 1L, 1L).map(v -> Scalar.of(d, v)).toList();
              return List.of(Case.of(new Primitive.Constant(Literal.of(t(d, 3), elements)), ANY));
            }),
        row(
            "fill",
            COMPUTE,
            false,
            d ->
                List.of(
                    Case.of(new Primitive.Fill(Scalar.of(d, 1L), Shape.of(2, 3)), ANY),
                    Case.of(new Primitive.Fill(Scalar.of(d, 0L), Shape.of(0)), ANY),
                    Case.of(new Primitive.Fill(Scalar.of(d, 1L), Shape.scalar()), ANY))),
        row(
            "iota",
            NUMBERS,
            false,
            d ->
                List.of(
                    Case.of(new Primitive.Iota(t(d, 3, 5), 0), ANY),
                    Case.of(new Primitive.Iota(t(d, 3, 5), 1), ANY))));
  }

  private static List<OpSpec> unaries() {
    return Arrays.stream(UnaryKind.values()).map(PointwiseSpecs::unary).toList();
  }

  private static OpSpec unary(UnaryKind kind) {
    var op = new Primitive.Unary(kind);
    var dtypes =
        switch (kind) {
          case NEG, ABS, SIGN -> NUMBERS;
          case NOT -> BITS;
          case EXP,
              EXPM1,
              LOG,
              LOG1P,
              SQRT,
              RSQRT,
              SIN,
              COS,
              TANH,
              LOGISTIC,
              ERF,
              FLOOR,
              CEIL,
              ROUND_EVEN,
              IS_FINITE ->
              FLOATS;
        };
    var domain =
        switch (kind) {
          case LOG, LOG1P, SQRT, RSQRT -> POSITIVE;
          case NEG,
              ABS,
              SIGN,
              NOT,
              EXP,
              EXPM1,
              SIN,
              COS,
              TANH,
              LOGISTIC,
              ERF,
              FLOOR,
              CEIL,
              ROUND_EVEN,
              IS_FINITE ->
              ANY;
        };
    // Sine and cosine of the largest numbers are not worth an engine's while.
    boolean periodic = kind == UnaryKind.SIN || kind == UnaryKind.COS;
    return row(
        kind.toString(),
        dtypes,
        true,
        d -> {
          var cases = new ArrayList<Case>();
          for (var type : List.of(t(d), t(d, 7), t(d, 33), t(d, 0), t(d, 1, 2, 1, 3, 1, 2))) {
            cases.add(Case.of(op, domain, type));
          }
          if (!periodic) cases.add(Case.of(op, new Special(), t(d, 28)));
          return cases;
        });
  }

  private static List<OpSpec> binaries() {
    return Arrays.stream(BinaryKind.values()).map(PointwiseSpecs::binary).toList();
  }

  private static OpSpec binary(BinaryKind kind) {
    var op = new Primitive.Binary(kind);
    var dtypes =
        switch (kind) {
          case ADD, SUB, MUL, DIV, REM, POW, MAX, MIN -> NUMBERS;
          case ATAN2 -> FLOATS;
          case AND, OR, XOR -> BITS;
          case SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC -> INTEGERS;
        };
    Values second =
        switch (kind) {
          case DIV, REM -> new Range(1, 5);
          case SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC -> new Indices(8);
          case ADD, SUB, MUL, POW, MAX, MIN, ATAN2, AND, OR, XOR -> ANY;
        };
    Values first = kind == BinaryKind.POW ? POSITIVE : new Range(-100, 100);
    boolean smooth = kind != BinaryKind.REM;
    boolean specials =
        kind == BinaryKind.ADD
            || kind == BinaryKind.SUB
            || kind == BinaryKind.MUL
            || kind == BinaryKind.MAX
            || kind == BinaryKind.MIN;
    return row(
        kind.toString(),
        dtypes,
        smooth,
        d -> {
          var cases = new ArrayList<Case>();
          for (var type : List.of(t(d), t(d, 17), t(d, 3, 0), t(d, 2, 5))) {
            cases.add(Case.of(op, first, type).and(second, type));
          }
          if (specials) cases.add(Case.of(op, new Special(), t(d, 15), t(d, 15)));
          return cases;
        });
  }

  private static List<OpSpec> pointwise() {
    return List.of(
        row(
            "compare",
            COMPUTE,
            false,
            d ->
                Arrays.stream(CompareKind.values())
                    .flatMap(
                        kind ->
                            Stream.of(
                                Case.of(new Primitive.Compare(kind), ANY, t(d, 9), t(d, 9)),
                                Case.of(
                                    new Primitive.Compare(kind),
                                    new Special(),
                                    t(d, 14),
                                    t(d, 14))))
                    .toList()),
        row(
            "select",
            COMPUTE,
            true,
            d -> List.of(Case.of(new Primitive.Select(), ANY, t(DType.BOOL, 7), t(d, 7), t(d, 7)))),
        row(
            "convert",
            ALL,
            true,
            d ->
                ALL.stream()
                    .flatMap(
                        to ->
                            Stream.of(
                                Case.of(new Primitive.Convert(to, false), ANY, t(d, 9)),
                                Case.of(new Primitive.Convert(to, to.isFloat()), ANY, t(d, 9))))
                    .toList()),
        row(
            "bitcast",
            ALL,
            false,
            d ->
                ALL.stream()
                    .filter(to -> to.bits() == d.bits() && to.isBool() == d.isBool())
                    .map(to -> Case.of(new Primitive.Bitcast(to), POSITIVE, t(d, 5)))
                    .toList()));
  }
}
