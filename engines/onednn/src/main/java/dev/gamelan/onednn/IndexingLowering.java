package dev.gamelan.onednn;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.onednn.kernel.KernelBuilder;
import dev.gamelan.onednn.kernel.Operand;
import dev.gamelan.type.Shape;
import java.util.List;
import java.util.Optional;

/** Gathers, scatters and running reductions. */
final class IndexingLowering {
  private final Lowering lowering;
  private final Kernels kernels;

  IndexingLowering(Lowering lowering, Kernels kernels) {
    this.lowering = lowering;
    this.kernels = kernels;
  }

  /** The step of a node; empty where it is of another kind, or a dtype without kernels. */
  Optional<Step> lower(Node node) {
    if (node.results().size() != 1 || node.result().type().dtype().bits() < 8) {
      return Optional.empty();
    }
    return switch (node.op()) {
      case Primitive.Gather gather -> Optional.of(gather(node, gather.axis()));
      case Primitive.GatherElements gather -> Optional.of(gatherElements(node, gather.axis()));
      case Primitive.Scatter scatter when Pointwise.supports(node.result().type().dtype()) ->
          Optional.of(scatter(node, scatter));
      case Primitive.ScatterElements scatter -> Optional.of(scatterElements(node, scatter));
      case Primitive.Cumulate cumulate -> Optional.of(cumulate(node, cumulate));
      default -> Optional.empty();
    };
  }

  private Step gather(Node node, int axis) {
    var x = node.inputs().get(0);
    var indices = node.inputs().get(1);
    long row = size(x.shape(), axis + 1, x.rank()) * x.type().dtype().bits() / 8;
    boolean shared = node.result().type().bytes() >= GatherStep.WORTH_SHARING;
    return new GatherStep(
        lowering.dense(x),
        lowering.dense(indices),
        lowering.place(node.result()),
        indices.type().dtype(),
        size(x.shape(), 0, axis),
        x.dim(axis),
        indices.type().size(),
        row,
        shared ? kernels.threads() : 1);
  }

  private Step gatherElements(Node node, int axis) {
    var x = node.inputs().get(0);
    var indices = node.inputs().get(1);
    return new GatherElementsStep(
        lowering.dense(x),
        lowering.dense(indices),
        lowering.place(node.result()),
        indices.type().dtype(),
        size(x.shape(), 0, axis),
        x.dim(axis),
        indices.dim(axis),
        size(x.shape(), axis + 1, x.rank()),
        x.type().dtype().bits() / 8);
  }

  private Step scatter(Node node, Primitive.Scatter op) {
    var x = node.inputs().get(0);
    var indices = node.inputs().get(1);
    var updates = node.inputs().get(2);
    var dtype = x.type().dtype();
    var result = lowering.place(node.result());
    lowering.copy(lowering.view(x), result);
    var builder = new KernelBuilder(kernels.isa(), 0, false);
    var pointwise = new Pointwise(builder);
    int target = builder.operand(Pointwise.elementType(dtype), Operand.Access.ELEMENTS);
    int update = builder.operand(Pointwise.elementType(dtype), Operand.Access.ELEMENTS);
    int value = builder.load(update);
    var combination = combination(op.kind());
    if (combination.isPresent()) {
      value =
          pointwise.apply(
              new Primitive.Binary(combination.get()),
              List.of(dtype, dtype),
              dtype,
              List.of(builder.load(target), value));
    }
    builder.store(target, pointwise.stored(dtype, value));
    var kernel = kernels.compiled(builder.finish());
    int axis = op.axis();
    long row = size(x.shape(), axis + 1, x.rank());
    int parts =
        updates.type().size() < 20_000 || row < 2 * ScatterStep.GRAIN ? 1 : kernels.threads();
    return new ScatterStep(
        kernel,
        result,
        lowering.dense(indices),
        lowering.dense(updates),
        indices.type().dtype(),
        size(x.shape(), 0, axis),
        x.dim(axis),
        indices.type().size(),
        row,
        dtype.bits() / 8,
        parts,
        lowering.reserveArguments(kernel.kernel().argumentCount() * parts));
  }

  private Step scatterElements(Node node, Primitive.ScatterElements op) {
    var x = node.inputs().get(0);
    var indices = node.inputs().get(1);
    var result = lowering.place(node.result());
    lowering.copy(lowering.view(x), result);
    return new ScatterElementsStep(
        op.kind(),
        x.type().dtype(),
        result,
        lowering.dense(indices),
        lowering.dense(node.inputs().get(2)),
        indices.type().dtype(),
        size(x.shape(), 0, op.axis()),
        x.dim(op.axis()),
        indices.dim(op.axis()),
        size(x.shape(), op.axis() + 1, x.rank()));
  }

  private Step cumulate(Node node, Primitive.Cumulate op) {
    var x = node.inputs().getFirst();
    return new CumulateStep(
        op,
        x.type().dtype(),
        lowering.dense(x),
        lowering.place(node.result()),
        size(x.shape(), 0, op.axis()),
        Math.toIntExact(x.dim(op.axis())),
        size(x.shape(), op.axis() + 1, x.rank()),
        kernels.threads());
  }

  private static Optional<BinaryKind> combination(ScatterKind kind) {
    return switch (kind) {
      case SET -> Optional.empty();
      case ADD -> Optional.of(BinaryKind.ADD);
      case MUL -> Optional.of(BinaryKind.MUL);
      case MAX -> Optional.of(BinaryKind.MAX);
      case MIN -> Optional.of(BinaryKind.MIN);
    };
  }

  private static long size(Shape shape, int from, int to) {
    return shape.range(from, to).size();
  }
}
