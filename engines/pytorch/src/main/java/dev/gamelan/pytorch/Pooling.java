package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.TorchScript.list;

import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Pools as TorchScript expressions: PyTorch's own where it has them, else reductions of a view of
 * all windows.
 */
final class Pooling {
  private final TorchScript script;

  Pooling(TorchScript script) {
    this.script = script;
  }

  String pool(Term x, TensorType result, Primitive.Pool op) {
    var window = op.window();
    var dtype = x.dtype();
    if (result.size() == 0) return script.zeros(result);
    if (op.kind() == PoolKind.MAX) {
      var padded = padded(x, window, ReduceKind.MAX);
      if (!dtype.isFloat())
        return "torch.amax(%s, %s, False)"
            .formatted(windows(padded, op.size(), window), places(window));
      return script.let("%s", maxPool(padded, op.size(), window).values());
    }
    var sum =
        "torch.sum(%s, %s, False, dtype=%d)"
            .formatted(
                windows(padded(x, window, ReduceKind.SUM), op.size(), window),
                places(window),
                ScalarTypes.code(wide(dtype)));
    if (op.kind() == PoolKind.AVERAGE)
      sum = divided(sum, x.type(), op.size(), window, op.countPadding());
    return narrowed(sum, dtype);
  }

  String gradient(Term x, Term d, Primitive.PoolGradient op) {
    var window = op.window();
    var type = x.type();
    if (d.type().size() == 0) return script.zeros(type);
    String padded;
    if (op.kind() == PoolKind.MAX) {
      padded = maxGradient(x, d, op);
    } else {
      var wide = wide(type.dtype());
      var sent = to(d.tensor(), d.dtype(), wide);
      if (op.kind() == PoolKind.AVERAGE)
        sent = divided(sent, type, op.size(), window, op.countPadding());
      padded =
          narrowed(
              spread(sent, d.type().shape(), type.with(wide), op.size(), window), type.dtype());
    }
    return Movement.pad(padded, edges(negated(window.low())), edges(negated(window.high())), "0");
  }

  // ---- maxima by PyTorch's kernels

  private record Maxima(String values, String indices, String lifted) {}

  /** One spatial axis as two. */
  private Maxima maxPool(String padded, Shape size, Window window) {
    boolean line = window.rank() == 1;
    var lifted = line ? script.let("torch.unsqueeze(%s, 2)", padded) : padded;
    var values = script.name();
    var indices = script.name();
    script.line(
        "%s, %s = torch.max_pool%s(%s, %s)",
        values,
        indices,
        window.rank() == 3 ? "3d_with_indices" : "2d_with_indices",
        lifted,
        parameters(size, window));
    return new Maxima(line ? "torch.squeeze(%s, 2)".formatted(values) : values, indices, lifted);
  }

  private static String parameters(Shape size, Window window) {
    int lead = window.rank() == 1 ? 1 : 0;
    return "%s, %s, %s, %s, False"
        .formatted(
            list(lead(lead, 1, size.toList())),
            list(lead(lead, 1, window.strides())),
            list(lead(lead, 0, Collections.nCopies(window.rank(), 0L))),
            list(lead(lead, 1, window.dilation())));
  }

  private static List<Long> lead(int count, long value, List<Long> rest) {
    var all = new ArrayList<>(Collections.nCopies(count, value));
    all.addAll(rest);
    return all;
  }

  private String maxGradient(Term x, Term d, Primitive.PoolGradient op) {
    var window = op.window();
    boolean line = window.rank() == 1;
    var padded = script.let("%s", padded(x, window, ReduceKind.MAX));
    var maxima = maxPool(padded, op.size(), window);
    var sent = line ? "torch.unsqueeze(%s, 2)".formatted(d.tensor()) : d.tensor();
    var gradient =
        "torch.max_pool%s_with_indices_backward(%s, %s, %s, %s)"
            .formatted(
                window.rank() == 3 ? "3d" : "2d",
                sent,
                maxima.lifted(),
                parameters(op.size(), window),
                maxima.indices());
    return line ? "torch.squeeze(%s, 2)".formatted(gradient) : gradient;
  }

  // ---- sums over a view of all windows

  private String padded(Term x, Window window, ReduceKind kind) {
    boolean none = Collections.max(window.low()) == 0 && Collections.max(window.high()) == 0;
    if (none) return x.tensor();
    var identity = kind.identity(x.dtype());
    var literal = Term.literal(identity).orElse(kind == ReduceKind.MAX ? "-inf" : "0");
    return Movement.pad(x.tensor(), edges(window.low()), edges(window.high()), literal);
  }

  /** Appends an axis for each spatial one: the places in the window. */
  private static String windows(String padded, Shape size, Window window) {
    var view = padded;
    for (int i = 0; i < window.rank(); i++) {
      long dilation = window.dilation().get(i);
      long extent = (size.dim(i) - 1) * dilation + 1;
      view = "torch.unfold(%s, %d, %d, %d)".formatted(view, i + 2, extent, window.strides().get(i));
      if (dilation > 1) view = "torch.slice(%s, -1, 0, %d, %d)".formatted(view, extent, dilation);
    }
    return view;
  }

  private static String places(Window window) {
    return list(IntStream.range(-window.rank(), 0).boxed().toList());
  }

  /** The adjoint of {@link #windows}: what each place got, added up; of the padded shape. */
  private String spread(String sent, Shape positions, TensorType x, Shape size, Window window) {
    int rank = window.rank();
    var dims = new ArrayList<>(x.shape().toList());
    for (int i = 0; i < rank; i++) {
      dims.set(i + 2, dims.get(i + 2) + window.low().get(i) + window.high().get(i));
    }
    // [N, C, positions…, places…], the last place is folded first.
    var column =
        positions.append(Collections.nCopies(rank, 1L).stream().mapToLong(n -> n).toArray());
    var all = positions.append(size.dims());
    var view =
        script.let("torch.expand(%s, %s)", Movement.reshape(sent, column), list(all.toList()));
    var current = new ArrayList<>(all.toList());
    for (int i = rank - 1; i >= 0; i--) {
      long dilation = window.dilation().get(i);
      long extent = (size.dim(i) - 1) * dilation + 1;
      if (dilation > 1) {
        current.set(current.size() - 1, extent);
        var canvas = script.zeros(x.with(Shape.of(current)));
        script.let(
            "torch.copy_(torch.slice(%s, -1, 0, %d, %d), %s)", canvas, extent, dilation, view);
        view = canvas;
      }
      current.removeLast();
      current.set(i + 2, dims.get(i + 2));
      view =
          script.let(
              "torch.unfold_backward(torch.contiguous(%s), %s, %d, %d, %d)",
              view, list(current), i + 2, extent, window.strides().get(i));
    }
    return view;
  }

  private String divided(
      String sum, TensorType x, Shape size, Window window, boolean countPadding) {
    if (countPadding) return "torch.div(%s, %d)".formatted(sum, size.size());
    var plane = x.shape().with(0, 1).with(1, 1);
    var dtype = wide(x.dtype());
    var ones = new TensorType(dtype, plane);
    var inside =
        Movement.pad(
            script.full(ones, Scalar.of(dtype, 1L)),
            edges(window.low()),
            edges(window.high()),
            "0");
    var counts =
        script.let(
            "torch.sum(%s, %s, False, dtype=%d)",
            windows(inside, size, window), places(window), ScalarTypes.code(dtype));
    return "torch.div(%s, %s)".formatted(sum, counts);
  }

  private static DType wide(DType dtype) {
    return dtype == DType.F16 || dtype == DType.BF16 ? DType.F32 : dtype;
  }

  private static String narrowed(String x, DType dtype) {
    return to(x, wide(dtype), dtype);
  }

  private static String to(String x, DType from, DType to) {
    return from == to ? x : "torch.to(%s, %d)".formatted(x, ScalarTypes.code(to));
  }

  private static List<Long> edges(List<Long> spatial) {
    return lead(2, 0, spatial);
  }

  private static List<Long> negated(List<Long> values) {
    return values.stream().map(v -> -v).toList();
  }
}
