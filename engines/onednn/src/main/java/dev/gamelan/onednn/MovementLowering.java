package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;

/** Movement that is no view: what must write its elements somewhere else. */
final class MovementLowering {
  private final Lowering lowering;
  private final Movement movement;

  MovementLowering(Lowering lowering, Movement movement) {
    this.lowering = lowering;
    this.movement = movement;
  }

  /** Adds the steps of {@code node}; false where it is something else. */
  boolean lower(Node node) {
    if (node.results().size() != 1 || node.result().type().dtype().bits() < 8) return false;
    switch (node.op()) {
      case Primitive.Reshape reshape -> {
        var view = lowering.view(node.inputs().getFirst());
        var dense = View.boxed(view.shape().strides());
        lowering.bring(view, new Movement.Region(lowering.place(node.result()), 0, dense));
      }
      case Primitive.Bitcast bitcast when keepsWidth(node) ->
          lowering.copy(lowering.view(node.inputs().getFirst()), lowering.place(node.result()));
      case Primitive.Concatenate concatenate -> concatenate(node, concatenate.axis());
      case Primitive.Pad pad -> pad(node, pad);
      case Primitive.DynamicSlice slice -> dynamicSlice(node);
      case Primitive.DynamicUpdateSlice update -> dynamicUpdateSlice(node);
      default -> {
        return false;
      }
    }
    return true;
  }

  private static boolean keepsWidth(Node node) {
    return node.inputs().getFirst().type().dtype().bits() == node.result().type().dtype().bits();
  }

  private void concatenate(Node node, int axis) {
    long at = 0;
    for (var input : node.inputs()) {
      var strides = node.result().shape().strides();
      lowering.bring(
          lowering.view(input),
          new Movement.Region(
              lowering.place(node.result()), at * strides[axis], View.boxed(strides)));
      at += input.dim(axis);
    }
  }

  /** Copies all of {@code view} to where {@code result}'s memory has the strides. */
  private void write(View view, Value result, long offset, List<Long> strides) {
    movement.copy(
        result.type().dtype().bits() / 8,
        view.shape().toList(),
        new Movement.Region(lowering.place(view.base()), view.offset(), view.strides()),
        new Movement.Region(lowering.place(result), offset, strides));
  }

  /** The padding everywhere, then what is left of x at its places. */
  private void pad(Node node, Primitive.Pad op) {
    var result = node.result();
    var padding = lowering.view(node.inputs().get(1));
    var all = new Primitive.BroadcastInDim(result.shape(), List.of());
    write(padding.broadcast(all), result, 0, View.boxed(result.shape().strides()));
    var x = lowering.view(node.inputs().getFirst());
    var strides = result.shape().strides();
    var starts = new ArrayList<Long>();
    var limits = new ArrayList<Long>();
    var ones = new ArrayList<Long>();
    long offset = 0;
    for (int axis = 0; axis < strides.length; axis++) {
      long step = op.interior().get(axis) + 1;
      long low = op.low().get(axis);
      // Elements before 0 and from the result's size on are cropped.
      long start = low < 0 ? Math.ceilDiv(-low, step) : 0;
      long room = result.dim(axis) - low;
      long limit = room <= 0 ? 0 : Math.min(x.shape().dim(axis), Math.ceilDiv(room, step));
      starts.add(Math.min(start, x.shape().dim(axis)));
      limits.add(Math.max(limit, Math.min(start, x.shape().dim(axis))));
      ones.add(1L);
      offset += (low + start * step) * strides[axis];
      strides[axis] *= step;
    }
    var slice = new Primitive.Slice(starts, limits, ones);
    var shape = slice.infer(List.of(x.base().type().with(x.shape()))).getFirst().shape();
    write(x.slice(slice, shape), result, offset, View.boxed(strides));
  }

  private void dynamicSlice(Node node) {
    var x = lowering.view(node.inputs().getFirst());
    var result = node.result();
    movement.copyAt(
        result.type().dtype().bits() / 8,
        result.shape().toList(),
        new Movement.Region(lowering.place(x.base()), x.offset(), x.strides()),
        new Movement.Region(lowering.place(result), 0, View.boxed(result.shape().strides())),
        starts(
            node.inputs().subList(1, node.inputs().size()), x.shape(), result.shape(), x.strides()),
        List.of());
  }

  /** All of x, then the update over it. */
  private void dynamicUpdateSlice(Node node) {
    var result = node.result();
    lowering.copy(lowering.view(node.inputs().getFirst()), lowering.place(result));
    var update = lowering.view(node.inputs().get(1));
    var strides = View.boxed(result.shape().strides());
    movement.copyAt(
        result.type().dtype().bits() / 8,
        update.shape().toList(),
        new Movement.Region(lowering.place(update.base()), update.offset(), update.strides()),
        new Movement.Region(lowering.place(result), 0, strides),
        List.of(),
        starts(
            node.inputs().subList(2, node.inputs().size()),
            result.shape(),
            update.shape(),
            strides));
  }

  private List<StridedCopyStep.Start> starts(
      List<Value> starts, Shape whole, Shape part, List<Long> strides) {
    var result = new ArrayList<StridedCopyStep.Start>();
    for (int axis = 0; axis < starts.size(); axis++) {
      var view = lowering.view(starts.get(axis));
      result.add(
          new StridedCopyStep.Start(
              lowering.place(view.base()),
              view.offset(),
              starts.get(axis).type().dtype(),
              whole.dim(axis) - part.dim(axis),
              strides.get(axis)));
    }
    return result;
  }
}
