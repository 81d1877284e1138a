package dev.gamelan.pass;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * For engines without storage dtypes: a value of one becomes its codes, a u8 for each element,
 * which movement moves as any u8. An input or output of one becomes u8[bytes], packed as in a
 * buffer; so the signature changes, and this is no {@link Pass}.
 */
public final class StorageExpansion {
  private final GraphBuilder g = new GraphBuilder();

  private StorageExpansion() {}

  /** {@code graph} itself where it has no storage dtype. */
  public static Graph apply(Graph graph) {
    return hasStorage(graph) ? new StorageExpansion().rewritten(graph, true) : graph;
  }

  /** What stands for {@code type} in the signature of an expanded graph. */
  public static TensorType packed(TensorType type) {
    return type.dtype().isStorage() ? TensorType.of(DType.U8, type.bytes()) : type;
  }

  private static boolean hasStorage(Graph graph) {
    return Stream.concat(
                graph.inputs().stream(), graph.nodes().stream().flatMap(n -> n.results().stream()))
            .anyMatch(value -> value.type().dtype().isStorage())
        || graph.nodes().stream()
            .flatMap(node -> node.op().bodies().stream())
            .anyMatch(StorageExpansion::hasStorage);
  }

  /** Between the bodies of control flow and what is around them codes are not packed. */
  private Graph rewritten(Graph graph, boolean packed) {
    var replacement = new GraphBuilder.Replacement();
    for (var input : graph.inputs()) {
      var type = input.type();
      boolean storage = type.dtype().isStorage();
      if (storage && packed) replacement.put(input, unpack(g.input(packed(type)), type));
      else replacement.put(input, g.input(storage ? type.with(DType.U8) : type));
    }
    for (var node : graph.nodes()) {
      replacement.put(node, expanded(node, replacement.get(node.inputs())));
    }
    var outputs = new ArrayList<>(replacement.get(graph.outputs()));
    for (int i = 0; i < outputs.size(); i++) {
      var type = graph.outputs().get(i).type();
      if (packed && type.dtype().isStorage()) outputs.set(i, pack(outputs.get(i), type));
    }
    return g.build(outputs);
  }

  private List<Value> expanded(Node node, List<Value> operands) {
    return switch (node.op()) {
      case Primitive.Constant op when op.literal().type().dtype().isStorage() ->
          List.of(constant(op.literal()));
      case Primitive.Fill op when op.value().dtype().isStorage() ->
          List.of(g.add(new Primitive.Fill(new Scalar(DType.U8, op.value().bits()), op.shape())));
      case Primitive.Convert op ->
          List.of(convert(operands.getFirst(), node.inputs().getFirst().type().dtype(), op));
      case Primitive.Bitcast op ->
          List.of(
              bitcast(operands.getFirst(), node.inputs().getFirst().type().dtype(), node.result()));
      default ->
          g.addAll(
              Rewrite.bodies(node.op(), body -> new StorageExpansion().rewritten(body, false)),
              operands);
    };
  }

  private Value constant(Literal literal) {
    var type = literal.type();
    var bytes = new byte[literal.bytes().remaining()];
    literal.bytes().get(bytes);
    return unpack(g.add(new Primitive.Constant(Literal.of(packed(type), bytes))), type);
  }

  // ---- bits

  private Value unpack(Value bytes, TensorType type) {
    int bits = type.dtype().bits();
    if (bits == 8) return g.reshape(bytes, type.shape());
    var codes = split(bytes, 8, bits);
    var flat = g.reshape(codes, Shape.of(codes.type().size()));
    return g.reshape(g.slice(flat, 0, 0, type.size()), type.shape());
  }

  private Value pack(Value codes, TensorType type) {
    int bits = type.dtype().bits();
    var flat = g.reshape(codes, Shape.of(type.size()));
    if (bits == 8) return flat;
    long missing = type.bytes() * (8 / bits) - type.size();
    if (missing > 0) {
      var zeros = g.fill(TensorType.of(DType.U8, missing), 0);
      flat = g.concatenate(0, List.of(flat, zeros));
    }
    return join(g.reshape(flat, Shape.of(type.bytes(), 8 / bits)), bits);
  }

  /** Appends an axis: the pieces of {@code to} bits, the low ones first. */
  private Value split(Value codes, int from, int to) {
    var shape = codes.shape().append(from / to);
    var pieces =
        g.binary(
            BinaryKind.SHIFT_RIGHT_LOGICAL,
            g.broadcastTo(g.reshape(codes, codes.shape().append(1)), shape),
            shifts(shape, to));
    return mask(pieces, to);
  }

  /** Drops the last axis: its elements of {@code from} bits beside each other. */
  private Value join(Value codes, int from) {
    var shifted = g.binary(BinaryKind.SHIFT_LEFT, codes, shifts(codes.shape(), from));
    return g.reduce(ReduceKind.SUM, shifted, List.of(codes.rank() - 1));
  }

  private Value shifts(Shape shape, int bits) {
    var index = g.iota(new TensorType(DType.U8, shape), shape.rank() - 1);
    return g.mul(index, bits);
  }

  private Value mask(Value codes, int bits) {
    return bits == 8 ? codes : g.binary(BinaryKind.AND, codes, (1 << bits) - 1);
  }

  private Value bitcast(Value x, DType from, Value original) {
    var to = original.type().dtype();
    var shape = original.type().shape();
    if (!from.isStorage() && !to.isStorage()) return g.add(new Primitive.Bitcast(to), x);
    var bytes = from.isStorage() ? x : as(DType.U8, x);
    int unit = Math.min(from.bits(), 8);
    int target = Math.min(to.bits(), 8);
    if (target < unit) bytes = split(bytes, unit, target);
    if (target > unit) {
      int parts = target / unit;
      var grouped = bytes.shape().with(-1, bytes.dim(-1) / parts).append(parts);
      bytes = join(g.reshape(bytes, grouped), unit);
    }
    if (to.bits() <= 8) return as(to.isStorage() ? DType.U8 : to, g.reshape(bytes, shape));
    return as(to, g.reshape(bytes, shape.append(to.bits() / 8)));
  }

  private Value as(DType dtype, Value x) {
    return x.type().dtype() == dtype ? x : g.add(new Primitive.Bitcast(dtype), x);
  }

  // ---- numbers

  private Value convert(Value x, DType from, Primitive.Convert op) {
    var to = op.to();
    if (from.isStorage()) {
      return lookup(StorageCodes.converted(from, to, op.saturate()), g.convert(x, DType.I32));
    }
    if (!to.isStorage()) return g.add(op, x);
    return to.isFloat() ? encode(x, to, op.saturate()) : g.convert(narrow(x, to), DType.U8);
  }

  /** Integers wrap, floats saturate. */
  private Value narrow(Value x, DType to) {
    if (!x.type().dtype().isFloat()) return mask(g.convert(x, DType.U8), to.bits());
    double low = to.isUnsigned() ? 0 : -(1 << (to.bits() - 1));
    double high = low + (1 << to.bits()) - 1;
    var whole = g.min(g.max(g.convert(x, DType.I32), low), high);
    return mask(g.convert(whole, DType.U8), to.bits());
  }

  /** Finds the code by bisection over the bits of the double, ordered as its values are. */
  private Value encode(Value x, DType to, boolean saturate) {
    var codes = StorageCodes.of(to, saturate);
    var bits = g.add(new Primitive.Bitcast(DType.I64), g.convert(x, DType.F64));
    var sign = g.binary(BinaryKind.SHIFT_RIGHT_ARITHMETIC, bits, splat(bits, 63));
    var flip = g.binary(BinaryKind.AND, sign, splat(bits, Long.MAX_VALUE));
    var key = g.binary(BinaryKind.XOR, bits, flip);
    var index = g.fill(x.type().with(DType.I32), 0);
    for (int step = codes.size() / 2; step > 0; step /= 2) {
      var next = g.add(index, step);
      var least = lookup(codes.leastKeys(), next);
      index = g.select(g.compare(CompareKind.GE, key, least), next, index);
    }
    return lookup(codes.codes(), index);
  }

  private Value splat(Value like, long value) {
    return g.add(new Primitive.Fill(Scalar.of(like.type().dtype(), value), like.shape()));
  }

  private Value lookup(Literal table, Value index) {
    return g.add(new Primitive.Gather(0), g.add(new Primitive.Constant(table)), index);
  }
}
