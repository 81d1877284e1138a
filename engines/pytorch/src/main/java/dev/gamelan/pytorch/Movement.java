package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.TorchScript.list;

import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Primitive;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Movement as TorchScript expressions. Most are views. */
final class Movement {
  private final TorchScript script;

  Movement(TorchScript script) {
    this.script = script;
  }

  /** 0, 1, … along an axis, the others of size 1. */
  String iota(TensorType type, int axis) {
    var dims = new long[type.rank()];
    Arrays.fill(dims, 1);
    dims[axis] = type.dim(axis);
    var line = type.with(Shape.of(dims));
    if (line.bytes() <= Literal.MAX_BYTES) {
      var numbers = LongStream.range(0, line.size()).mapToObj(i -> Scalar.of(type.dtype(), i));
      return script.constant(Literal.of(line, numbers.toList()));
    }
    return script.let(
        "torch.reshape(torch.to(%s, %d), %s)",
        script.range(type.dim(axis)), ScalarTypes.code(type.dtype()), list(dims));
  }

  static String reshape(String x, Shape shape) {
    return "torch.reshape(%s, %s)".formatted(x, list(shape.toList()));
  }

  static String transpose(String x, List<Integer> permutation) {
    return permutation.equals(List.of(1, 0))
        ? "torch.t(%s)".formatted(x)
        : "torch.permute(%s, %s)".formatted(x, list(permutation));
  }

  /** What broadcasts to {@code shape} by PyTorch's rules: axes of size 1 in front need not be. */
  String aligned(Term x, Shape shape, List<Integer> axes) {
    var order =
        IntStream.range(0, axes.size())
            .boxed()
            .sorted((a, b) -> Integer.compare(axes.get(a), axes.get(b)))
            .toList();
    var dims = new long[shape.rank()];
    Arrays.fill(dims, 1);
    for (int i = 0; i < axes.size(); i++) dims[axes.get(i)] = x.type().dim(i);
    var tensor = x.tensor();
    boolean sorted = IntStream.range(0, order.size()).allMatch(i -> order.get(i) == i);
    if (!sorted) tensor = script.let("%s", transpose(tensor, order));
    var trailing = Shape.of(dims).range(shape.rank() - axes.size(), shape.rank());
    boolean leading = sorted && x.type().shape().equals(trailing);
    return leading ? tensor : script.let("torch.reshape(%s, %s)", tensor, list(dims));
  }

  static String slice(String x, Shape shape, Primitive.Slice op) {
    var result = x;
    for (int i = 0; i < shape.rank(); i++) {
      long start = op.starts().get(i);
      long limit = op.limits().get(i);
      long stride = op.strides().get(i);
      if (start == 0 && limit == shape.dim(i) && stride == 1) continue;
      result = "torch.slice(%s, %d, %d, %d, %d)".formatted(result, i, start, limit, stride);
    }
    return result;
  }

  String pad(Term x, Term value, TensorType result, Primitive.Pad op) {
    boolean dense = op.interior().stream().allMatch(n -> n == 0);
    if (dense && value.literal().isPresent()) {
      return pad(x.tensor(), op.low(), op.high(), value.literal().get());
    }
    // Onto a canvas that no edge crops; cropped afterwards.
    var dims = new ArrayList<Long>();
    var starts = new ArrayList<Long>();
    for (int i = 0; i < result.rank(); i++) {
      long low = Math.max(op.low().get(i), 0);
      dims.add(low + inner(x, op, i) + Math.max(op.high().get(i), 0));
      starts.add(low);
    }
    var canvas =
        script.let(
            "torch.clone(torch.expand(%s, %s), memory_format=0)", value.tensor(), list(dims));
    var target = canvas;
    for (int i = 0; i < result.rank(); i++) {
      long low = starts.get(i);
      target =
          "torch.slice(%s, %d, %d, %d, %d)"
              .formatted(target, i, low, low + inner(x, op, i), op.interior().get(i) + 1);
    }
    script.let("torch.copy_(%s, %s)", target, x.tensor());
    var cropped = canvas;
    for (int i = 0; i < result.rank(); i++) {
      long start = Math.max(-op.low().get(i), 0);
      if (result.dim(i) == dims.get(i)) continue;
      cropped =
          "torch.slice(%s, %d, %d, %d, 1)".formatted(cropped, i, start, start + result.dim(i));
    }
    return cropped;
  }

  private static long inner(Term x, Primitive.Pad op, int axis) {
    long size = x.type().dim(axis);
    return size + Math.max(size - 1, 0) * op.interior().get(axis);
  }

  /** Negative edges crop. */
  static String pad(String x, List<Long> low, List<Long> high, String value) {
    if (low.stream().allMatch(n -> n == 0) && high.stream().allMatch(n -> n == 0)) return x;
    var edges = new ArrayList<Long>(); // From the last axis to the first.
    for (int i = low.size() - 1; i >= 0; i--) edges.addAll(List.of(low.get(i), high.get(i)));
    return "torch.constant_pad_nd(%s, %s, %s)".formatted(x, list(edges), value);
  }

  static String concatenate(List<Term> parts, int axis) {
    return parts.stream()
        .map(Term::tensor)
        .collect(Collectors.joining(", ", "torch.cat([", "], %d)".formatted(axis)));
  }

  /** A view of {@code sizes} from where the start operands say, clamped. */
  String dynamicSlice(String x, TensorType type, List<Term> starts, Shape sizes) {
    var view = x;
    for (int i = 0; i < type.rank(); i++) {
      if (sizes.dim(i) == type.dim(i)) continue;
      long last = type.dim(i) - sizes.dim(i);
      var known = starts.get(i).number();
      var start =
          known != null
              ? Long.toString(Math.clamp(known.toLong(), 0, last))
              : script.let(
                  "int(torch.clamp(torch.to(%s, 4), 0, %d))", starts.get(i).tensor(), last);
      view = "torch.narrow(%s, %d, %s, %d)".formatted(view, i, start, sizes.dim(i));
    }
    return view;
  }

  String bitcast(Term x, TensorType result) {
    if (x.dtype() == result.dtype()) return x.tensor();
    boolean single = x.type().rank() == 0;
    var tensor = single ? "torch.reshape(%s, [1])".formatted(x.tensor()) : x.tensor();
    var viewed =
        "torch.view_copy(torch.contiguous(%s), dtype=%d)"
            .formatted(tensor, ScalarTypes.code(result.dtype()));
    return reshape(viewed, result.shape());
  }
}
