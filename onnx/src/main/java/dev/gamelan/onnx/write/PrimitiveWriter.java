package dev.gamelan.onnx.write;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.FftKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Value;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.proto.ElementType;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** What each primitive is in ONNX: one page that says how, or where. */
final class PrimitiveWriter {
  private PrimitiveWriter() {}

  static List<Name> write(Emitter out, Primitive op, List<Name> x, List<Value> results) {
    // A barrier may have no result; it does not look at it.
    var type = results.isEmpty() ? TensorType.of(DType.BOOL) : results.getFirst().type();
    return switch (op) {
      case Primitive.Scan scan -> GraphWriter.scan(out, scan, x);
      case Primitive.While loop -> GraphWriter.loop(out, loop, x);
      case Primitive.Cond cond -> GraphWriter.cond(out, cond, x);
      case Primitive.Barrier barrier ->
          x.stream().map(v -> out.node("Identity", v.type(), List.of(v))).toList();
      case Primitive.Sort sort -> sort(out, sort, x);
      case Primitive.TopK top -> topK(out, top, x.getFirst(), type);
      case Primitive.CustomCall call ->
          throw new OnnxException(
              "custom_call '%s' is an engine's own; ONNX has no operator for it"
                  .formatted(call.target()));
      case Primitive.Constant constant -> List.of(constant(out, constant));
      case Primitive.Fill fill -> List.of(out.expand(out.scalar(fill.value()), fill.shape()));
      case Primitive.Iota iota ->
          List.of(out.cast(out.iota(type.shape(), iota.axis()), type.dtype()));
      case Primitive.Unary unary ->
          List.of(PointwiseWriter.unary(out, unary.kind(), x.getFirst(), type));
      case Primitive.Binary binary ->
          List.of(PointwiseWriter.binary(out, binary.kind(), x.getFirst(), x.get(1), type));
      case Primitive.Compare compare ->
          List.of(PointwiseWriter.compare(out, compare.kind(), x.getFirst(), x.get(1)));
      case Primitive.Select select -> List.of(PointwiseWriter.select(out, x));
      case Primitive.Convert convert -> List.of(convert(out, convert, x.getFirst(), type));
      case Primitive.Bitcast bitcast -> List.of(bitcast(out, x.getFirst(), type));
      case Primitive.Reshape reshape -> List.of(out.reshape(x.getFirst(), type.shape()));
      case Primitive.Transpose t -> List.of(out.transpose(x.getFirst(), t.permutation()));
      // Stretched where somebody needs it so: see GraphWriter.
      case Primitive.BroadcastInDim b -> List.of(aligned(out, b, x.getFirst()));
      case Primitive.Slice slice -> List.of(slice(out, slice, x.getFirst(), type));
      case Primitive.Pad pad -> List.of(pad(out, pad, x));
      case Primitive.Concatenate c -> List.of(out.concat(c.axis(), x));
      case Primitive.Reverse reverse -> List.of(reverse(out, reverse.axes(), x.getFirst()));
      case Primitive.DynamicSlice d -> List.of(dynamicSlice(out, x, type));
      case Primitive.DynamicUpdateSlice d -> List.of(dynamicUpdateSlice(out, x, type));
      case Primitive.Reduce r -> List.of(ReductionWriter.reduce(out, r, x.getFirst(), type));
      case Primitive.ArgReduce a -> List.of(arg(out, a, x.getFirst(), type));
      case Primitive.Cumulate c -> List.of(ReductionWriter.cumulate(out, c, x.getFirst()));
      case Primitive.DotGeneral d -> List.of(ContractionWriter.dot(out, d, x, type));
      case Primitive.Convolution c -> List.of(ContractionWriter.convolution(out, c, x, type));
      case Primitive.ConvolutionInputGradient c ->
          List.of(ContractionWriter.inputGradient(out, c, x, type));
      case Primitive.ConvolutionFilterGradient c ->
          List.of(ContractionWriter.filterGradient(out, c, x, type));
      case Primitive.Pool pool -> List.of(PoolWriter.pool(out, pool, x.getFirst(), type));
      case Primitive.PoolGradient pool -> List.of(PoolWriter.gradient(out, pool, x));
      case Primitive.Gather gather ->
          List.of(
              out.node(
                  "Gather", type, indexed(out, x), Attribute.of("axis", (long) gather.axis())));
      case Primitive.Scatter scatter -> List.of(ScatterWriter.scatter(out, scatter, x));
      case Primitive.GatherElements g ->
          List.of(
              out.node(
                  "GatherElements", type, indexed(out, x), Attribute.of("axis", (long) g.axis())));
      case Primitive.ScatterElements s -> List.of(ScatterWriter.elements(out, s, x));
      case Primitive.Fft fft -> List.of(fft(out, fft, x.getFirst(), type));
    };
  }

  private static Name constant(Emitter out, Primitive.Constant constant) {
    var bytes = new byte[(int) constant.literal().type().bytes()];
    constant.literal().bytes().get(bytes);
    return out.constant(constant.literal().type(), bytes);
  }

  private static Name convert(Emitter out, Primitive.Convert op, Name x, TensorType type) {
    if (x.dtype() == op.to()) return x;
    boolean narrow = op.to().isInteger() && op.to().bits() < 32 && x.dtype().isFloat();
    if (narrow) {
      // Ours saturates; what is out of range is undefined in ONNX.
      var low = out.scalar(x.dtype(), (double) op.to().fromDouble(Double.NEGATIVE_INFINITY));
      var high = out.scalar(x.dtype(), (double) op.to().fromDouble(Double.POSITIVE_INFINITY));
      return out.cast(out.node("Clip", x.type(), List.of(x, low, high)), op.to());
    }
    boolean small = op.to().isFloat() && op.to().bits() == 8;
    var to = Attribute.of("to", (long) ElementType.of(op.to()));
    return small
        ? out.node("Cast", type, List.of(x), to, Attribute.of("saturate", op.saturate()))
        : out.node("Cast", type, List.of(x), to);
  }

  /** Integers of one width are a cast; bits of floats can't be had before opset 26. */
  private static Name bitcast(Emitter out, Name x, TensorType type) {
    boolean integers = x.dtype().isInteger() && type.dtype().isInteger();
    if (x.dtype() == type.dtype()) return x;
    if (integers && x.dtype().bits() == type.dtype().bits()) return out.cast(x, type.dtype());
    throw new OnnxException(
        "bitcast from %s to %s: opset %d has no operator for it; convert instead"
            .formatted(x.type(), type, ModelWriter.OPSET));
  }

  /** The operand with its axes where the result has them, counted from the last. */
  private static Name aligned(Emitter out, Primitive.BroadcastInDim op, Name x) {
    int rank = op.shape().rank();
    int first = op.axes().stream().mapToInt(axis -> axis).min().orElse(rank);
    var dims = new long[rank - first];
    Arrays.fill(dims, 1);
    for (int i = 0; i < op.axes().size(); i++) dims[op.axes().get(i) - first] = x.dim(i);
    // Axes may come in any order; a reshape needs them in that of the result.
    var order =
        IntStream.range(0, op.axes().size())
            .boxed()
            .sorted(Comparator.comparing(op.axes()::get))
            .toList();
    return out.reshape(out.transpose(x, order), Shape.of(dims));
  }

  private static Name slice(Emitter out, Primitive.Slice op, Name x, TensorType type) {
    if (type.equals(x.type()) && op.strides().stream().allMatch(s -> s == 1)) return x;
    var axes = LongStream.range(0, x.rank()).toArray();
    return out.node(
        "Slice",
        type,
        List.of(
            x,
            out.vector(op.starts()),
            out.vector(op.limits()),
            out.vector(axes),
            out.vector(op.strides())));
  }

  private static Name pad(Emitter out, Primitive.Pad op, List<Name> operands) {
    var x = operands.getFirst();
    for (int axis = 0; axis < x.rank(); axis++) {
      long inner = op.interior().get(axis);
      if (inner == 0 || x.dim(axis) < 2) continue;
      // Each element with what follows it as an axis of its own; the last is followed by nothing.
      var wide = out.reshape(x, x.shape().insert(axis + 1, 1));
      var none = Collections.nCopies(wide.rank(), 0L);
      var after = new ArrayList<>(none);
      after.set(axis + 1, inner);
      var spread = out.pad(wide, none, after, operands.get(1));
      long size = x.dim(axis) * (inner + 1);
      var flat = out.reshape(spread, x.shape().with(axis, size));
      x = out.slice(flat, axis, 0, size - inner);
    }
    return out.pad(x, op.low(), op.high(), operands.get(1));
  }

  private static Name reverse(Emitter out, List<Integer> axes, Name x) {
    if (axes.isEmpty()) return x;
    var count = axes.size();
    var last = LongStream.generate(() -> -1).limit(count).toArray();
    var end = LongStream.generate(() -> Long.MIN_VALUE + 1).limit(count).toArray();
    return out.node(
        "Slice",
        x.type(),
        List.of(x, out.vector(last), out.vector(end), out.vector(axes), out.vector(last)));
  }

  /** The starts as a vector, moved so that the slice lies inside. */
  private static Name starts(Emitter out, List<Name> scalars, Shape shape, Shape sizes) {
    var rank = shape.rank();
    var each = scalars.stream().map(s -> out.reshape(out.cast(s, DType.I64), Shape.of(1))).toList();
    var all = out.concat(0, each);
    var limits = IntStream.range(0, rank).mapToLong(i -> shape.dim(i) - sizes.dim(i)).toArray();
    var type = TensorType.of(DType.I64, rank);
    var low = out.node("Max", type, List.of(all, out.vector(new long[rank])));
    return out.node("Min", type, List.of(low, out.vector(limits)));
  }

  private static Name dynamicSlice(Emitter out, List<Name> operands, TensorType type) {
    var x = operands.getFirst();
    if (x.rank() == 0) return x;
    var starts = starts(out, operands.subList(1, operands.size()), x.shape(), type.shape());
    var ends = out.binary("Add", starts, out.vector(type.shape().dims()), starts.type());
    var axes = LongStream.range(0, x.rank()).toArray();
    return out.node("Slice", type, List.of(x, starts, ends, out.vector(axes)));
  }

  /** Scatters the update to the coordinates from its starts on. */
  private static Name dynamicUpdateSlice(Emitter out, List<Name> operands, TensorType type) {
    var x = operands.getFirst();
    var update = operands.get(1);
    if (x.rank() == 0) return update;
    var starts = starts(out, operands.subList(2, operands.size()), x.shape(), update.shape());
    var columns = new ArrayList<Name>();
    for (int axis = 0; axis < x.rank(); axis++) {
      var index = out.iota(update.shape(), axis);
      columns.add(out.reshape(index, update.shape().append(1)));
    }
    var grid = out.concat(x.rank(), columns);
    var indices = out.binary("Add", grid, starts, grid.type());
    return out.node("ScatterND", type, List.of(x, indices, update));
  }

  private static Name arg(Emitter out, Primitive.ArgReduce op, Name x, TensorType type) {
    var found =
        out.node(
            op.kind() == ArgKind.MAX ? "ArgMax" : "ArgMin",
            type.with(DType.I64),
            List.of(x),
            Attribute.of("axis", (long) op.axis()),
            Attribute.of("keepdims", false));
    return out.cast(found, op.index());
  }

  private static List<Name> sort(Emitter out, Primitive.Sort op, List<Name> operands) {
    var keys = operands.getFirst();
    // Booleans and small integers have no top-k; their order is that of larger ones.
    boolean direct = keys.dtype().isFloat() || keys.dtype().bits() >= 32;
    var sortable = direct ? keys : out.cast(keys, DType.I32);
    var sorted =
        out.nodes(
            "TopK",
            List.of(sortable.type(), keys.type().with(DType.I64)),
            List.of(sortable, out.vector(keys.dim(op.axis()))),
            Attribute.of("axis", (long) op.axis()),
            Attribute.of("largest", op.descending()));
    var results = new ArrayList<>(List.of(out.cast(sorted.getFirst(), keys.dtype())));
    for (var operand : operands.subList(1, operands.size())) {
      results.add(
          out.node(
              "GatherElements",
              operand.type(),
              List.of(operand, sorted.get(1)),
              Attribute.of("axis", (long) op.axis())));
    }
    return results;
  }

  private static List<Name> topK(Emitter out, Primitive.TopK op, Name x, TensorType type) {
    var results =
        out.nodes("TopK", List.of(type, type.with(DType.I64)), List.of(x, out.vector(op.k())));
    return List.of(results.getFirst(), out.cast(results.get(1), DType.I32));
  }

  private static Name fft(Emitter out, Primitive.Fft op, Name x, TensorType type) {
    int axis = op.axis();
    return switch (op.kind()) {
      case FORWARD, INVERSE -> dft(out, x, op, op.kind() == FftKind.INVERSE, false, type);
      case REAL_FORWARD -> dft(out, out.reshape(x, x.shape().append(1)), op, false, true, type);
      case REAL_INVERSE -> {
        // The other half of the spectrum of a real signal mirrors the first, conjugated.
        long mirrored = op.length() - x.dim(axis);
        var all = x;
        if (mirrored > 0) {
          var half = reverse(out, List.of(axis), out.slice(x, axis, 1, 1 + mirrored));
          var real = out.slice(half, x.rank() - 1, 0, 1);
          var imaginary = out.slice(half, x.rank() - 1, 1, 2);
          var negated = out.node("Neg", imaginary.type(), List.of(imaginary));
          all = out.concat(axis, List.of(x, out.concat(x.rank() - 1, List.of(real, negated))));
        }
        var signal = dft(out, all, op, true, false, all.type());
        yield out.reshape(out.slice(signal, x.rank() - 1, 0, 1), type.shape());
      }
    };
  }

  private static Name dft(
      Emitter out, Name x, Primitive.Fft op, boolean inverse, boolean half, TensorType type) {
    return out.node(
        "DFT",
        type,
        List.of(x, out.scalar(DType.I64, op.length()), out.scalar(DType.I64, op.axis())),
        Attribute.of("inverse", inverse),
        Attribute.of("onesided", half));
  }

  /** The reductions that combine two tensors element by element. */
  static Name combine(Emitter out, ReduceKind kind, Name a, Name b) {
    return PointwiseWriter.binary(out, kind.combine(), a, b, a.type());
  }

  /** ONNX takes indices of 32 and 64 bits only. */
  private static List<Name> indexed(Emitter out, List<Name> x) {
    var dtype = x.get(1).dtype();
    boolean taken = dtype == DType.I32 || dtype == DType.I64;
    return taken ? x : List.of(x.get(0), out.cast(x.get(1), DType.I64));
  }
}
