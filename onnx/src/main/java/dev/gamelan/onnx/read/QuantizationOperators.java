package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Numbers as small integers with a scale and a zero point. */
final class QuantizationOperators {
  private QuantizationOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("QuantizeLinear", Operator.one(QuantizationOperators::quantize)),
        entry("DequantizeLinear", Operator.one(QuantizationOperators::dequantize)),
        entry("DynamicQuantizeLinear", Operator.all(n -> dynamic(n, n.x(0)))),
        entry("MatMulInteger", Operator.one(QuantizationOperators::matmulInteger)),
        entry("ConvInteger", Operator.one(QuantizationOperators::convInteger)),
        entry("QLinearMatMul", Operator.one(QuantizationOperators::qLinearMatmul)),
        entry("QLinearConv", Operator.one(QuantizationOperators::qLinearConv)));
  }

  /**
   * A scale or zero point as wide as x: for all of it, for each index of an axis, or for blocks.
   */
  private static Value spread(OpContext n, Value parameter, Value x) {
    var g = n.g;
    if (parameter.shape().size() == 1)
      return g.broadcastTo(g.reshape(parameter, Shape.scalar()), x.shape());
    int axis = n.axis(n.integer("axis", 1), x.shape());
    if (parameter.rank() == 1) return g.broadcastInDim(parameter, x.shape(), List.of(axis));
    long block = n.integer("block_size", 0);
    if (block <= 0) block = Math.ceilDiv(x.dim(axis), parameter.dim(axis));
    // Each element repeated along the axis; the last block may be cut off.
    var wide = parameter.shape().insert(axis + 1, block);
    var axes = wide.otherAxes(List.of(axis + 1));
    var repeated = g.broadcastInDim(parameter, wide, axes);
    var flat = g.reshape(repeated, parameter.shape().with(axis, parameter.dim(axis) * block));
    return g.slice(flat, axis, 0, x.dim(axis));
  }

  private static Value quantize(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var to =
        n.has(2)
            ? n.type(2).dtype()
            : n.hasAttribute("output_dtype") && n.integer("output_dtype", 0) != 0
                ? n.dtype(n.integer("output_dtype", 2))
                : DType.U8;
    var precision =
        n.hasAttribute("precision") && n.integer("precision", 0) != 0
            ? n.dtype(n.integer("precision", 1))
            : n.type(1).dtype();
    var compute = precision.isFloat() && !precision.isStorage() ? precision : DType.F32;
    var scale = spread(n, g.convert(n.x(1), compute), x);
    var scaled = g.div(g.convert(x, compute), scale);
    Optional<Value> zero = n.optional(2).map(z -> spread(n, g.convert(z, DType.F32), x));
    return toDType(n, g.convert(scaled, DType.F32), zero, to);
  }

  private static Value toDType(OpContext n, Value scaled, Optional<Value> zero, DType to) {
    var g = n.g;
    if (to.isFloat()) {
      var shifted = zero.map(z -> g.add(scaled, z)).orElse(scaled);
      return CastOperators.convert(n, shifted, to, n.flag("saturate", true));
    }
    var rounded = g.unary(UnaryKind.ROUND_EVEN, scaled);
    // Float to integer saturates.
    return g.convert(zero.map(z -> g.add(rounded, z)).orElse(rounded), to);
  }

  private static Value dequantize(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    var result =
        n.hasAttribute("output_dtype") && n.integer("output_dtype", 0) != 0
            ? n.dtype(n.integer("output_dtype", 1))
            : n.type(1).dtype();
    var compute = result == DType.F64 ? DType.F64 : DType.F32;
    var centred = centred(n, x, n.optional(2), compute);
    var scale = spread(n, g.convert(n.x(1), compute), x);
    return g.convert(g.mul(centred, scale), result.isStorage() ? DType.F32 : result);
  }

  private static Value centred(OpContext n, Value x, Optional<Value> zero, DType compute) {
    var g = n.g;
    if (x.type().dtype().isFloat()) return g.convert(x, compute);
    // In integers, so that what is large stays exact.
    var wide = g.convert(x, DType.I64);
    var shifted = zero.map(z -> g.sub(wide, spread(n, g.convert(z, DType.I64), x))).orElse(wide);
    return g.convert(shifted, compute);
  }

  /** To u8 with the range that x has, 0 included: values, scale and zero point. */
  static List<Value> dynamic(OpContext n, Value x) {
    var g = n.g;
    var axes = x.shape().axes();
    var low = g.min(g.reduce(ReduceKind.MIN, x, axes), 0);
    var high = g.max(g.reduce(ReduceKind.MAX, x, axes), 0);
    var scale = g.mul(g.sub(high, low), 1.0 / 255);
    var nothing = g.compare(CompareKind.EQ, scale, 0);
    var divisor = g.select(nothing, g.fill(scale.type(), 1), scale);
    var zero = g.unary(UnaryKind.ROUND_EVEN, g.min(g.max(g.neg(g.div(low, divisor)), 0), 255));
    var rounded = g.unary(UnaryKind.ROUND_EVEN, g.div(x, divisor));
    var y = g.convert(g.add(rounded, zero), DType.U8);
    return List.of(y, scale, g.convert(zero, DType.U8));
  }

  // ---- contractions

  /** As i32 with the zero point, of one number or one a row or column, taken off. */
  static Value centred(GraphBuilder g, Value x, Optional<Value> zero, int axis) {
    var wide = g.convert(x, DType.I32);
    if (zero.isEmpty()) return wide;
    var z = g.convert(zero.get(), DType.I32);
    return g.sub(wide, along(g, z, x, axis));
  }

  /** A vector along an axis of x, or a number. */
  private static Value along(GraphBuilder g, Value z, Value x, int axis) {
    if (z.shape().size() == 1) return g.broadcastTo(g.reshape(z, Shape.scalar()), x.shape());
    if (z.rank() == 1 && x.rank() > 1) return g.broadcastInDim(z, x.shape(), List.of(axis));
    return g.broadcastTo(z, x.shape());
  }

  private static Value matmulInteger(OpContext n) {
    return integerProduct(n, n.x(0), n.x(1), n.optional(2), n.optional(3));
  }

  /** Bytes without zero points as they are, so that engines may use their instructions for them. */
  static Value integerProduct(
      OpContext n, Value a, Value b, Optional<Value> aZero, Optional<Value> bZero) {
    var g = n.g;
    if (aZero.isEmpty() && bZero.isEmpty()) {
      return ContractionOperators.matmul(g, a, b, DType.I32);
    }
    var left = centred(g, a, aZero, Math.max(a.rank() - 2, 0));
    var right = centred(g, b, bZero, b.rank() - 1);
    return ContractionOperators.matmul(g, left, right, DType.I32);
  }

  private static Value convInteger(OpContext n) {
    var g = n.g;
    var x = centred(g, n.x(0), n.optional(2), 1);
    var filter = centred(g, n.x(1), n.optional(3), 0);
    return ConvolutionOperators.convolve(n, x, filter, DType.I32);
  }

  private static Value qLinearMatmul(OpContext n) {
    var g = n.g;
    var a = n.x(0);
    var b = n.x(3);
    var product =
        ContractionOperators.matmul(
            g,
            centred(g, a, n.optional(2), Math.max(a.rank() - 2, 0)),
            centred(g, b, n.optional(5), b.rank() - 1),
            DType.I32);
    var real = g.convert(product, DType.F32);
    real =
        g.mul(
            real, along(g, g.convert(n.x(1), DType.F32), product, Math.max(product.rank() - 2, 0)));
    real = g.mul(real, along(g, g.convert(n.x(4), DType.F32), product, product.rank() - 1));
    real = g.div(real, along(g, g.convert(n.x(6), DType.F32), product, product.rank() - 1));
    var zero = along(g, g.convert(n.x(7), DType.F32), product, product.rank() - 1);
    var shifted = g.binary(BinaryKind.ADD, g.unary(UnaryKind.ROUND_EVEN, real), zero);
    return g.convert(shifted, n.type(7).dtype());
  }

  private static Value qLinearConv(OpContext n) {
    var g = n.g;
    var x = centred(g, n.x(0), n.optional(2), 1);
    var filter = centred(g, n.x(3), n.optional(5), 0);
    var product = ConvolutionOperators.convolve(n, x, filter, DType.I32);
    if (n.has(8)) product = g.add(product, ConvolutionOperators.perChannel(g, n.x(8), product));
    var real = g.convert(product, DType.F32);
    real = g.mul(real, along(g, n.x(1), product, 1));
    real = g.mul(real, along(g, n.x(4), product, 1));
    real = g.div(real, along(g, n.x(6), product, 1));
    var zero = along(g, g.convert(n.x(7), DType.F32), product, 1);
    return g.convert(g.add(g.unary(UnaryKind.ROUND_EVEN, real), zero), n.type(7).dtype());
  }
}
