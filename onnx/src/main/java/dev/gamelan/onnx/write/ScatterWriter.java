package dev.gamelan.onnx.write;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.type.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Updates at computed places. */
final class ScatterWriter {
  private ScatterWriter() {}

  private static Attribute reduction(ScatterKind kind) {
    return Attribute.of(
        "reduction",
        switch (kind) {
          case SET -> "none";
          case ADD -> "add";
          case MUL -> "mul";
          case MAX -> "max";
          case MIN -> "min";
        });
  }

  static Name elements(Emitter out, Primitive.ScatterElements op, List<Name> operands) {
    return out.node(
        "ScatterElements",
        operands.getFirst().type(),
        operands,
        Attribute.of("axis", (long) op.axis()),
        reduction(op.kind()));
  }

  /** ScatterND writes slices along the first axes, so the axis goes there and back. */
  static Name scatter(Emitter out, Primitive.Scatter op, List<Name> operands) {
    var x = operands.getFirst();
    var indices = operands.get(1);
    int axis = op.axis();
    var front = new ArrayList<>(x.shape().otherAxes(List.of(axis)));
    front.addFirst(axis);
    var updated = IntStream.range(axis, axis + indices.rank()).boxed().toList();
    var order = new ArrayList<>(updated);
    order.addAll(operands.get(2).shape().otherAxes(updated));
    var positions = out.cast(indices, DType.I64);
    var moved = out.transpose(x, front);
    var scattered =
        out.node(
            "ScatterND",
            moved.type(),
            List.of(
                moved,
                out.reshape(positions, indices.shape().append(1)),
                out.transpose(operands.get(2), order)),
            reduction(op.kind()));
    var back = IntStream.range(0, x.rank()).mapToObj(front::indexOf).toList();
    return out.transpose(scattered, back);
  }
}
