package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.TorchScript.list;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.Collections;
import java.util.List;

/** Gathers, scatters and orders as TorchScript. PyTorch refuses indices out of range. */
final class Indexing {
  private final TorchScript script;

  Indexing(TorchScript script) {
    this.script = script;
  }

  String gather(Term x, Term indices, TensorType result, int axis) {
    var flat = indices.type().rank() == 1;
    var list = flat ? index(indices) : "torch.reshape(%s, [-1])".formatted(index(indices));
    var gathered = "torch.index_select(%s, %d, %s)".formatted(x.tensor(), axis, list);
    return flat ? gathered : Movement.reshape(gathered, result.shape());
  }

  String gatherElements(Term x, Term indices, int axis) {
    return "torch.gather(%s, %d, %s)".formatted(x.tensor(), axis, index(indices));
  }

  /** With the indices broadcast over the other axes, as scatter_elements. */
  String scatter(Term x, Term indices, Term updates, ScatterKind kind, int axis) {
    var shape = x.type().shape();
    long count = indices.type().size();
    var flat = "torch.reshape(%s, [-1])".formatted(index(indices));
    var aligned = shape.with(axis, count);
    var source = Movement.reshape(updates.tensor(), aligned);
    if (count == 0) return x.tensor();
    if (kind == ScatterKind.ADD) {
      return "torch.index_add(%s, %d, %s, %s)".formatted(x.tensor(), axis, flat, source);
    }
    var column = Collections.nCopies(shape.rank(), 1L).toArray(Long[]::new);
    column[axis] = count;
    var spread =
        script.let(
            "torch.expand(torch.reshape(%s, %s), %s)",
            flat, list(List.of(column)), list(aligned.toList()));
    return scattered(x, spread, source, kind, axis, aligned);
  }

  String scatterElements(Term x, Term indices, Term updates, ScatterKind kind, int axis) {
    if (indices.type().size() == 0) return x.tensor();
    return scattered(x, index(indices), updates.tensor(), kind, axis, indices.type().shape());
  }

  private String scattered(
      Term x, String index, String source, ScatterKind kind, int axis, Shape indices) {
    if (kind == ScatterKind.SET) return set(x, script.let("%s", index), source, axis, indices);
    var reduce =
        switch (kind) {
          case ADD -> "sum";
          case MUL -> "prod";
          case MAX -> "amax";
          case MIN -> "amin";
          case SET -> throw new IllegalStateException("done above");
        };
    // Repeated rounding to half precision would add up.
    boolean half = x.dtype() == DType.F16 || x.dtype() == DType.BF16;
    var scattered =
        "torch.scatter_reduce(%s, %d, %s, %s, \"%s\", include_self=True)"
            .formatted(
                half ? "torch.to(%s, 6)".formatted(x.tensor()) : x.tensor(),
                axis,
                index,
                half ? "torch.to(%s, 6)".formatted(source) : source,
                reduce);
    return half ? "torch.to(%s, %d)".formatted(scattered, ScalarTypes.code(x.dtype())) : scattered;
  }

  /** PyTorch lets any duplicate win: the last one is found first. */
  private String set(Term x, String index, String source, int axis, Shape indices) {
    var column = Collections.nCopies(indices.rank(), 1L).toArray(Long[]::new);
    column[axis] = indices.dim(axis);
    var order =
        script.let(
            "torch.expand(torch.reshape(%s, %s), %s)",
            script.range(indices.dim(axis)), list(List.of(column)), list(indices.toList()));
    var none = script.full(x.type().with(DType.I64), Scalar.of(DType.I64, -1L));
    var last =
        script.let(
            "torch.scatter_reduce(%s, %d, %s, %s, \"amax\", include_self=True)",
            none, axis, index, order);
    var winner = "torch.gather(%s, %d, torch.clamp(%s, 0, None))".formatted(source, axis, last);
    return "torch.where(torch.ge(%s, 0), %s, %s)".formatted(last, winner, x.tensor());
  }

  private static String index(Term indices) {
    return indices.dtype() == DType.I64
        ? indices.tensor()
        : "torch.to(%s, 4)".formatted(indices.tensor());
  }

  // ---- order

  List<String> sort(List<Term> operands, int axis, boolean descending) {
    var order = script.let("%s", order(operands.getFirst(), axis, descending));
    return operands.stream()
        .map(x -> script.let("torch.gather(%s, %d, %s)", x.tensor(), axis, order))
        .toList();
  }

  List<String> topK(Term x, long k) {
    var order = script.let("torch.narrow(%s, -1, 0, %d)", order(x, x.type().rank() - 1, true), k);
    return List.of(
        script.let("torch.gather(%s, -1, %s)", x.tensor(), order),
        script.let("torch.to(%s, 3)", order));
  }

  /** PyTorch takes NaN for the largest: floats descend as their negatives ascend. */
  private String order(Term keys, int axis, boolean descending) {
    boolean negate = descending && keys.dtype().isFloat();
    var tensor = keys.dtype().isBool() ? "torch.to(%s, 0)".formatted(keys.tensor()) : keys.tensor();
    var order = script.name();
    script.line(
        "%s, %s = torch.sort(%s, stable=True, dim=%d, descending=%s)",
        script.name(),
        order,
        negate ? "torch.neg(%s)".formatted(tensor) : tensor,
        axis,
        descending && !negate ? "True" : "False");
    return order;
  }

  String fft(Term x, TensorType result, Primitive.Fft op) {
    var complex = "torch.view_as_complex(torch.contiguous(%s))".formatted(x.tensor());
    return switch (op.kind()) {
      case FORWARD ->
          "torch.view_as_real(torch.fft_fft(%s, None, %d, None))".formatted(complex, op.axis());
      case INVERSE ->
          "torch.view_as_real(torch.fft_ifft(%s, None, %d, None))".formatted(complex, op.axis());
      case REAL_FORWARD ->
          "torch.view_as_real(torch.fft_rfft(%s, None, %d, None))".formatted(x.tensor(), op.axis());
      case REAL_INVERSE ->
          "torch.fft_irfft(%s, %d, %d, None)".formatted(complex, op.length(), op.axis());
    };
  }
}
