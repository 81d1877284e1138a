package dev.gamelan.onednn;

import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.kernel.Kernel;
import dev.gamelan.onednn.kernel.KernelBuilder;
import dev.gamelan.onednn.kernel.Operand;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import java.util.List;

/**
 * What a kernel computes, whatever the sizes and wherever in memory: the layers of a network, and
 * its graphs for other sizes, have the same few. Equal recipes have equal kernels.
 *
 * @param outerLoops how many loops there are around a row
 * @param columns whether reductions go down the innermost outer loop instead of along the row
 */
record KernelRecipe(
    int outerLoops, boolean columns, List<Read> reads, List<Line> lines, List<Store> stores) {

  /** An operand that is read: of elements, or of one for a whole row. */
  record Read(DType dtype, Operand.Access access) {}

  /** What an op takes. */
  sealed interface Input {
    DType dtype();
  }

  /** The element of a read. */
  record Loaded(int read, DType dtype) implements Input {}

  /** The result of an earlier line. */
  record Computed(int line, DType dtype) implements Input {}

  record Constant(Scalar scalar) implements Input {
    @Override
    public DType dtype() {
      return scalar.dtype();
    }
  }

  /** An op, and the dtype of its result. */
  record Line(Op op, DType result, List<Input> inputs) {
    public Line {
      inputs = List.copyOf(inputs);
    }
  }

  /** An operand that is written. */
  record Store(int line, DType dtype, Operand.Access access) {}

  KernelRecipe {
    reads = List.copyOf(reads);
    lines = List.copyOf(lines);
    stores = List.copyOf(stores);
  }

  /** Its operands are the reads, the stores, and then scratch rows. */
  Kernel kernel(Isa isa) {
    var builder = new KernelBuilder(isa, outerLoops, columns);
    var pointwise = new Pointwise(builder);
    for (var read : reads) builder.operand(Pointwise.elementType(read.dtype), read.access);
    var values = new int[lines.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = compute(lines.get(i), values, builder, pointwise);
    }
    for (var store : stores) {
      int operand = builder.operand(Pointwise.elementType(store.dtype), store.access);
      builder.store(operand, pointwise.stored(store.dtype, values[store.line]));
    }
    return builder.finish();
  }

  private static int compute(Line line, int[] values, KernelBuilder builder, Pointwise pointwise) {
    var in =
        line.inputs.stream()
            .map(
                input ->
                    switch (input) {
                      case Loaded loaded -> builder.load(loaded.read);
                      case Computed computed -> values[computed.line];
                      case Constant constant -> pointwise.constant(constant.scalar);
                    })
            .toList();
    if (line.op instanceof Primitive.Reduce reduce) {
      return pointwise.reduce(reduce.kind(), line.result, in.getFirst());
    }
    var dtypes = line.inputs.stream().map(Input::dtype).toList();
    return pointwise.apply(line.op, dtypes, line.result, in);
  }
}
