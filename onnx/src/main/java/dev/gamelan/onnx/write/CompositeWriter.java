package dev.gamelan.onnx.write;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.Recurrent;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The composites that ONNX has a name for; the others are written as they expand. */
final class CompositeWriter {
  private CompositeWriter() {}

  static Optional<List<Name>> write(Emitter out, Composite op, List<Name> operands) {
    var x = operands.getFirst();
    return Optional.ofNullable(
            switch (op) {
              case Activation.Relu r ->
                  x.dtype().isFloat()
                      ? plain(out, "Relu", x)
                      : out.node("Max", x.type(), List.of(x, out.scalar(x.dtype(), 0L)));
              case Activation.LeakyRelu l ->
                  plain(out, "LeakyRelu", x, Attribute.of("alpha", l.slope()));
              case Activation.Elu e -> plain(out, "Elu", x, Attribute.of("alpha", e.alpha()));
              case Activation.Clamp c ->
                  out.node(
                      "Clip",
                      x.type(),
                      List.of(x, out.scalar(x.dtype(), c.low()), out.scalar(x.dtype(), c.high())));
              case Activation.Silu s -> silu(out, x);
              case Activation.Swiglu s ->
                  out.binary("Mul", silu(out, x), operands.get(1), x.type());
              case Activation.Gelu g ->
                  plain(out, "Gelu", x, Attribute.of("approximate", g.tanh() ? "tanh" : "none"));
              case SoftmaxOp.Softmax s -> alongAxis(out, "Softmax", x, s.axis());
              case SoftmaxOp.LogSoftmax s -> alongAxis(out, "LogSoftmax", x, s.axis());
              case SoftmaxOp.Logsumexp s ->
                  out.node(
                      "ReduceLogSumExp",
                      x.type().with(x.shape().without(List.of(s.axis()))),
                      List.of(x, out.vector(s.axis())),
                      Attribute.of("keepdims", false));
              case Normalization.LayerNorm l ->
                  out.node(
                      "LayerNormalization",
                      x.type(),
                      operands,
                      Attribute.of("axis", (long) -l.axes()),
                      Attribute.of("epsilon", l.epsilon()));
              case Normalization.GroupNorm g ->
                  out.node(
                      "GroupNormalization",
                      x.type(),
                      operands,
                      Attribute.of("num_groups", g.groups()),
                      Attribute.of("epsilon", g.epsilon()));
              case Normalization.BatchNormInference b ->
                  out.node(
                      "BatchNormalization",
                      x.type(),
                      operands,
                      Attribute.of("epsilon", b.epsilon()));
              case TensorOp.StopGradient s -> plain(out, "Identity", x);
              case TensorOp.Linear linear -> linear(out, linear, operands);
              case TensorOp.Resize resize -> resize(out, resize, x);
              default -> null;
            })
        .map(List::of)
        .or(() -> recurrent(out, op, operands));
  }

  private static Name plain(Emitter out, String operator, Name x, Attribute... attributes) {
    return out.node(operator, x.type(), List.of(x), attributes);
  }

  private static Name silu(Emitter out, Name x) {
    return out.binary("Mul", x, plain(out, "Sigmoid", x), x.type());
  }

  private static Name alongAxis(Emitter out, String operator, Name x, int axis) {
    return plain(out, operator, x, Attribute.of("axis", (long) axis));
  }

  /** Gemm for matrices, else a product with the weight transposed. */
  private static Name linear(Emitter out, TensorOp.Linear op, List<Name> operands) {
    var x = operands.getFirst();
    var weight = operands.get(1);
    var type = x.type().with(x.shape().with(-1, weight.dim(0)));
    Name y;
    if (x.rank() == 2) {
      y = out.node("Gemm", type, operands, Attribute.of("transB", true));
    } else {
      y = out.node("MatMul", type, List.of(x, out.transpose(weight, List.of(1, 0))));
      if (operands.size() == 3) y = out.binary("Add", y, operands.get(2), type);
    }
    return switch (op.activation()) {
      case NONE -> y;
      case RELU -> plain(out, "Relu", y);
      case GELU -> plain(out, "Gelu", y);
      case GELU_TANH -> plain(out, "Gelu", y, Attribute.of("approximate", "tanh"));
      case SILU -> silu(out, y);
    };
  }

  private static Name resize(Emitter out, TensorOp.Resize op, Name x) {
    var sizes = x.shape().range(0, 2).append(op.sizes().dims());
    var type = x.type().with(sizes);
    var result = out.fresh(type);
    boolean asymmetric = op.coordinates() == TensorOp.CoordinateMode.ASYMMETRIC;
    out.add(
        "Resize",
        List.of(x.text(), "", "", out.vector(sizes.dims()).text()),
        List.of(result),
        Attribute.of("mode", op.mode().toString()),
        Attribute.of("coordinate_transformation_mode", op.coordinates().toString()),
        // Ours rounds halves up, or where coordinates are asymmetric always down.
        Attribute.of("nearest_mode", asymmetric ? "floor" : "round_prefer_ceil"));
    return result;
  }

  // ---- recurrent layers: gates are ordered i, o, f, c and z, r, h in ONNX

  private static Optional<List<Name>> recurrent(Emitter out, Composite op, List<Name> x) {
    // Opset 21 has no recurrent layers of bf16: they are written as they expand.
    if (x.getFirst().dtype() == DType.BF16) return Optional.empty();
    return switch (op) {
      case Recurrent.Lstm lstm -> {
        var order = List.of(0, 3, 1, 2);
        var bias = gates(out, x.get(5), order);
        var inputs =
            List.of(
                x.getFirst(),
                stacked(out, gates(out, x.get(3), order)),
                stacked(out, gates(out, x.get(4), order)),
                stacked(out, out.concat(0, List.of(bias, out.mul(bias, 0)))));
        yield Optional.of(layer(out, "LSTM", inputs, x.subList(1, 3), lstm.reverse()));
      }
      case Recurrent.Gru gru -> {
        var order = List.of(1, 0, 2);
        var biases = List.of(gates(out, x.get(4), order), gates(out, x.get(5), order));
        var inputs =
            List.of(
                x.getFirst(),
                stacked(out, gates(out, x.get(2), order)),
                stacked(out, gates(out, x.get(3), order)),
                stacked(out, out.concat(0, biases)));
        yield Optional.of(
            layer(
                out,
                "GRU",
                inputs,
                x.subList(1, 2),
                gru.reverse(),
                Attribute.of("linear_before_reset", true)));
      }
      default -> Optional.empty();
    };
  }

  private static Name gates(Emitter out, Name stacked, List<Integer> order) {
    long rows = stacked.dim(0) / order.size();
    return out.concat(
        0, order.stream().map(i -> out.slice(stacked, 0, i * rows, (i + 1) * rows)).toList());
  }

  /** With an axis for the one direction. */
  private static Name stacked(Emitter out, Name x) {
    return out.reshape(x, x.shape().insert(0, 1));
  }

  private static List<Name> layer(
      Emitter out,
      String operator,
      List<Name> inputs,
      List<Name> states,
      boolean reverse,
      Attribute... more) {
    var x = inputs.getFirst();
    long hidden = states.getFirst().dim(1);
    var names = new ArrayList<>(inputs.stream().map(Name::text).toList());
    names.add("");
    states.forEach(state -> names.add(stacked(out, state).text()));
    var outputs = new ArrayList<Name>();
    outputs.add(out.fresh(x.type().with(Shape.of(x.dim(0), 1, x.dim(1), hidden))));
    states.forEach(s -> outputs.add(out.fresh(s.type().with(s.shape().insert(0, 1)))));
    var attributes =
        Stream.concat(
            Stream.of(
                Attribute.of("hidden_size", hidden),
                Attribute.of("direction", reverse ? "reverse" : "forward")),
            Stream.of(more));
    out.add(operator, names, outputs, attributes.toArray(Attribute[]::new));
    var results = new ArrayList<Name>();
    results.add(out.reshape(outputs.getFirst(), Shape.of(x.dim(0), x.dim(1), hidden)));
    for (int i = 0; i < states.size(); i++) {
      results.add(out.reshape(outputs.get(i + 1), states.get(i).shape()));
    }
    return results;
  }
}
