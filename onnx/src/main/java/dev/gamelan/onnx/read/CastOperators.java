package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import java.util.List;
import java.util.Map;

/** From one dtype to another. */
final class CastOperators {
  private CastOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("Cast", Operator.one(n -> cast(n, n.dtype(n.required("to").integer())))),
        entry("CastLike", Operator.one(n -> cast(n, n.type(1).dtype()))),
        entry("BitCast", Operator.one(CastOperators::bitCast)),
        entry("Identity", n -> List.of(n.operand(0))));
  }

  private static Value cast(OpContext n, DType to) {
    var x = n.x(0);
    if (to == DType.F8E8M0 && x.type().dtype() != to) {
      return scale(n, n.g.convert(x, DType.F32), n.text("round_mode", "up"));
    }
    return convert(n, x, to, n.flag("saturate", true));
  }

  /** Too large numbers saturate in the formats of 8 bits and less only. */
  static Value convert(OpContext n, Value x, DType to, boolean saturate) {
    if (x.type().dtype() == to) return x;
    boolean packed = to.isInteger() && to.bits() < 8;
    // Integers of less than a byte wrap, whatever they come from.
    if (packed && x.type().dtype().isFloat()) return n.g.convert(n.g.convert(x, DType.I64), to);
    boolean small = to.isFloat() && to.bits() <= 8;
    return n.g.add(new Primitive.Convert(to, small && saturate), x);
  }

  /** To a power of two: the exponent of an f32, which its bits hold. */
  private static Value scale(OpContext n, Value x, String mode) {
    var g = n.g;
    var bits = g.add(new Primitive.Bitcast(DType.I32), g.unary(UnaryKind.ABS, x));
    long up =
        switch (mode) {
          case "up" -> 0x7fffff;
          case "nearest" -> 0x400000;
          case "down" -> 0;
          default ->
              throw n.error("has round_mode '%s'; it is up, down or nearest".formatted(mode));
        };
    var rounded = g.binary(BinaryKind.ADD, bits, g.scalar(DType.I32, up));
    var exponent =
        g.binary(
            BinaryKind.SHIFT_RIGHT_LOGICAL,
            rounded,
            g.broadcastTo(g.scalar(DType.I32, 23), x.shape()));
    var largest = n.flag("saturate", true) ? 254 : 255;
    exponent = g.min(exponent, largest);
    var nan = g.compare(CompareKind.NE, x, x);
    exponent = g.select(nan, g.fill(exponent.type(), 255), exponent);
    return g.add(new Primitive.Bitcast(DType.F8E8M0), g.convert(exponent, DType.U8));
  }

  private static Value bitCast(OpContext n) {
    var to = n.dtype(n.required("to").integer());
    var from = n.type(0).dtype();
    if (from.bits() != to.bits()) {
      throw n.error("needs dtypes of one width; got %s and %s".formatted(from, to));
    }
    return n.g.add(new Primitive.Bitcast(to), n.x(0));
  }
}
