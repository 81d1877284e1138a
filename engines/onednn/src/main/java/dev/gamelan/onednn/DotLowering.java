package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.dnnl.Layout;
import dev.gamelan.onednn.kernel.MatmulKernel;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Turns dot_general into products of [batch, m, k] with [batch, k, n]: by oneDNN's matmul, or by
 * our own kernel where they are small, where the weights last (AVX-512), or where the library is
 * not there. Transposed operands are strides; only what no strides describe is copied. The work is
 * divided along the batch, else along m where b is small, else along n or m, whichever is longer.
 */
final class DotLowering {
  /** Multiply-adds up to which our own kernel is faster than a call of the library. */
  private static final double SMALL = 64 * 64 * 64;

  /** And of each of several products with AVX-512, such as those of the heads of an attention. */
  private static final double SMALL_OF_SEVERAL = 128 * 128 * 128;

  /** Multiply-adds below which waking another thread does not pay. */
  private static final double WORTH_SHARING = 250_000;

  /**
   * Up to which each thread may read all of b: half of a cache. Then rows are divided, and what
   * follows, which goes row by row, finds what it reads where it was computed.
   */
  private static final double CACHED_BYTES = 1 << 19;

  /** Rows that a thread should have at least. */
  private static final long LEAST_ROWS = 16;

  /** An operand as [batch…, rows, columns]. */
  private record Matrix(
      DType dtype, Storage storage, long offset, List<Long> dims, List<Long> strides) {
    int rows() {
      return dims.size() - 2;
    }

    int columns() {
      return dims.size() - 1;
    }

    long size(int axis) {
      return dims.get(axis);
    }
  }

  /** What a step says of itself. */
  private record Product(
      DType dtype, List<Long> batches, long m, long k, long n, double flops, String why) {
    @Override
    public String toString() {
      return "dot %s %s × [%d,%d] × [%d,%d], %.2g flop, %s"
          .formatted(dtype, batches, m, k, k, n, flops, why);
    }

    Product because(String other) {
      return new Product(dtype, batches, m, k, n, flops, other);
    }
  }

  /** The operands and the result of one thread. */
  private record Cut(Matrix a, Matrix b, Matrix c) {}

  private final Lowering lowering;
  private final Kernels kernels;
  private final Node node;
  private final Primitive.DotGeneral op;

  DotLowering(Lowering lowering, Kernels kernels, Node node, Primitive.DotGeneral op) {
    this.lowering = lowering;
    this.kernels = kernels;
    this.node = node;
    this.op = op;
  }

  /** Whether our own kernel of f32 is faster. */
  static boolean isSmall(double multiplyAdds) {
    return multiplyAdds <= SMALL;
  }

  /** The step; empty where oneDNN has no fast implementation. */
  Optional<Step> lower() {
    var left = node.inputs().get(0);
    var right = node.inputs().get(1);
    boolean nothing = left.type().size() == 0 || right.type().size() == 0;
    if (nothing || !supported(left.type().dtype(), right.type().dtype())) return Optional.empty();
    var leftFree = free(left.shape(), op.leftBatch(), op.leftContracting());
    var rightFree = free(right.shape(), op.rightBatch(), op.rightContracting());
    long m = left.shape().select(leftFree).size();
    long n = right.shape().select(rightFree).size();
    long batch = left.shape().select(op.leftBatch()).size();
    // The batch as one axis where both operands allow that, else as many.
    var leftGroups = groups(List.of(op.leftBatch()), leftFree, op.leftContracting());
    var rightGroups = groups(List.of(op.rightBatch()), op.rightContracting(), rightFree);
    var batches = List.of(batch);
    if (strides(lowering.view(left), leftGroups).isEmpty()
        || strides(lowering.view(right), rightGroups).isEmpty()) {
      leftGroups = groups(singles(op.leftBatch()), leftFree, op.leftContracting());
      rightGroups = groups(singles(op.rightBatch()), op.rightContracting(), rightFree);
      batches = left.shape().select(op.leftBatch()).toList();
    }
    var a = matrix(lowering.view(left), leftGroups);
    var groupsOfRight = rightGroups;
    var weights = weights(lowering.view(right), rightGroups);
    var b = weights.orElseGet(() -> matrix(lowering.view(right), groupsOfRight));
    var dims = new ArrayList<>(batches);
    dims.add(m);
    dims.add(n);
    var result = lowering.place(node.result());
    var c = new Matrix(op.result(), result, 0, dims, View.boxed(Shape.of(dims).strides()));
    var what =
        new Product(
            left.type().dtype(),
            batches,
            m,
            a.size(a.columns()),
            n,
            2 * work(a),
            left.type().dtype() == DType.F32 ? "large" : "no kernel of our own");
    boolean f32 = left.type().dtype() == DType.F32;
    var packed = weights.map(found -> right.type().dtype());
    boolean lasts = weights.isPresent() && isSingle(b);
    if (f32) {
      long k = a.size(a.columns());
      boolean isAvx512 = kernels.isa() == Isa.AVX512;
      boolean several = batch > 1;
      var why =
          isSmall(work(a)) || (several && isAvx512 && m * n * k <= SMALL_OF_SEVERAL)
              ? "small"
              : lasts && isAvx512
                  ? "weights that last"
                  : kernels.dnnl().isEmpty() ? "the library is not there" : null;
      if (why != null) return Optional.of(ours(a, b, c, lasts, what.because(why)));
    }
    var parts = new ArrayList<DnnlStep.Part>();
    for (var cut : cuts(a, b, c)) {
      var part = part(cut, packed);
      if (part.isEmpty()) {
        var why = what.because("the library would be slow");
        return f32 ? Optional.of(ours(a, b, c, lasts, why)) : Optional.empty();
      }
      parts.add(part.get());
    }
    return Optional.of(new DnnlStep(parts, what));
  }

  private static boolean isSingle(Matrix b) {
    return b.dims.subList(0, b.rows()).stream().allMatch(dim -> dim == 1);
  }

  /**
   * The product by our own kernel, which reads rows of b, or panels.
   *
   * @param lasts whether b is one matrix of weights that last
   */
  private Step ours(Matrix a, Matrix b, Matrix c, boolean lasts, Product what) {
    boolean inRows = b.strides.get(b.columns()) == 1;
    if (lasts && !(inRows && isSmall(work(a)))) return inPanels(a, b, c, what);
    var parts =
        cuts(a, dense(b), c).stream()
            .map(cut -> new MatmulStep.Part(inBytes(cut.a), inBytes(cut.b), inBytes(cut.c)))
            .toList();
    return new MatmulStep(kernels.matmul(), parts, arguments(parts), what);
  }

  private Step inPanels(Matrix a, Matrix b, Matrix c, Product what) {
    var kernel = kernels.matmul();
    var whole = inBytes(b);
    var packing =
        new Packing.Panels(
            whole.rows(),
            whole.columns(),
            whole.rowStride(),
            whole.columnStride(),
            kernel.blockColumns(),
            kernels.transpose());
    var parts = new ArrayList<PanelMatmulStep.Part>();
    for (var cut : cuts(a, b, c, kernel.blockColumns())) {
      var rows = inBytes(cut.a);
      long column = (cut.b.offset - b.offset) / b.strides.get(b.columns());
      long copied = PanelMatmulStep.copyBytes(rows, kernel);
      var copy = copied > 0 ? Optional.of(lowering.temporary(copied)) : Optional.<Storage>empty();
      parts.add(
          new PanelMatmulStep.Part(rows, inBytes(cut.c), column / kernel.blockColumns(), copy));
    }
    return new PanelMatmulStep(kernel, whole, packing, parts, arguments(parts), what);
  }

  /** Room for the arguments of {@code parts}. */
  private int arguments(List<?> parts) {
    return lowering.reserveArguments(parts.size() * MatmulKernel.ARGUMENTS);
  }

  private static MatmulStep.Matrix inBytes(Matrix matrix) {
    var strides = matrix.strides.stream().map(stride -> 4 * stride).toList();
    return new MatmulStep.Matrix(matrix.storage, 4 * matrix.offset, matrix.dims, strides);
  }

  private Matrix dense(Matrix b) {
    if (b.strides.get(b.columns()) == 1) return b;
    long size = b.dims.stream().reduce(1L, (x, y) -> x * y);
    var copy = lowering.temporary(4 * size);
    var strides = View.boxed(Shape.of(b.dims).strides());
    new Movement(lowering, kernels)
        .copy(
            4,
            b.dims,
            new Movement.Region(b.storage, b.offset, b.strides),
            new Movement.Region(copy, 0, strides));
    return new Matrix(b.dtype, copy, 0, b.dims, strides);
  }

  private static List<List<Integer>> groups(
      List<List<Integer>> batch, List<Integer> rows, List<Integer> columns) {
    var groups = new ArrayList<>(batch);
    groups.add(rows);
    groups.add(columns);
    return groups;
  }

  private static List<List<Integer>> singles(List<Integer> axes) {
    return axes.stream().map(List::of).toList();
  }

  private boolean supported(DType left, DType right) {
    return left == DType.F32
        || ((left.isFloat() || op.result() == DType.I32) && kernels.multiplies(left, right));
  }

  private static List<Integer> free(Shape shape, List<Integer> batch, List<Integer> contracting) {
    var free = new ArrayList<Integer>();
    for (int axis = 0; axis < shape.rank(); axis++) {
      if (!batch.contains(axis) && !contracting.contains(axis)) free.add(axis);
    }
    return free;
  }

  /** The strides of the operand with each group of axes as one; empty where there are none. */
  private static Optional<View> strides(View view, List<List<Integer>> groups) {
    var dims = dims(view, groups);
    return view.transpose(groups.stream().flatMap(List::stream).toList())
        .reshape(Shape.of(dims))
        .map(
            merged ->
                new View(
                    view.base(),
                    merged.offset(),
                    normalized(dims, merged.strides()),
                    merged.shape()))
        .filter(merged -> usable(dims, merged.strides()));
  }

  private static List<Long> dims(View view, List<List<Integer>> groups) {
    var dims = new ArrayList<Long>(groups.size());
    for (var group : groups) dims.add(view.shape().select(group).size());
    return dims;
  }

  /** The right operand if it is weights that last, wherever they lie. */
  private Optional<Matrix> weights(View view, List<List<Integer>> groups) {
    var dims = dims(view, groups);
    return strides(view, groups)
        .flatMap(
            found ->
                lowering
                    .weights(view.base())
                    .map(
                        weights ->
                            new Matrix(
                                weights.dtype(),
                                weights.storage(),
                                found.offset(),
                                dims,
                                found.strides())));
  }

  /** The operand with each group of axes as one; copied where that takes no strides. */
  private Matrix matrix(View view, List<List<Integer>> groups) {
    var dims = dims(view, groups);
    var strided = strides(view, groups);
    if (strided.isPresent()) {
      var found = strided.get();
      return new Matrix(
          view.base().type().dtype(),
          lowering.place(view.base()),
          found.offset(),
          dims,
          found.strides());
    }
    var dtype = view.base().type().dtype();
    var copy = lowering.temporary(dtype.bytes(view.shape().size()));
    lowering.copy(view.transpose(groups.stream().flatMap(List::stream).toList()), copy);
    return new Matrix(dtype, copy, 0, dims, View.boxed(Shape.of(dims).strides()));
  }

  /** The stride of an axis of size 1 is free: the one that a matrix of its own would have. */
  private static List<Long> normalized(List<Long> dims, List<Long> strides) {
    int rows = dims.size() - 2;
    int columns = dims.size() - 1;
    var result = new ArrayList<>(strides);
    if (dims.get(columns) == 1) {
      boolean tall = dims.get(rows) > 1 && strides.get(rows) == 1;
      result.set(columns, tall ? dims.get(rows) : 1L);
    }
    if (dims.get(rows) == 1) result.set(rows, result.get(columns) == 1 ? dims.get(columns) : 1L);
    for (int axis = rows - 1; axis >= 0; axis--) {
      if (dims.get(axis) == 1) {
        long reach =
            Math.max(dims.get(rows) * result.get(rows), dims.get(columns) * result.get(columns));
        result.set(axis, reach);
      }
    }
    return result;
  }

  /** Whether no element is read twice and one of the last axes is dense. */
  private static boolean usable(List<Long> dims, List<Long> strides) {
    int rows = dims.size() - 2;
    int columns = dims.size() - 1;
    boolean byRows = strides.get(columns) == 1 && strides.get(rows) >= dims.get(columns);
    boolean byColumns = strides.get(rows) == 1 && strides.get(columns) >= dims.get(rows);
    return (byRows || byColumns) && strides.subList(0, rows).stream().allMatch(s -> s > 0);
  }

  private int divided(Matrix b, Matrix c) {
    if (c.rows() > 0 && c.size(0) >= kernels.threads()) return 0;
    double bytes = (double) b.size(b.rows()) * b.size(b.columns()) * b.dtype.bits() / 8;
    boolean enough = c.size(c.rows()) >= LEAST_ROWS * kernels.threads();
    if (enough && bytes <= CACHED_BYTES) return c.rows();
    return c.size(c.columns()) >= c.size(c.rows()) ? c.columns() : c.rows();
  }

  private double work(Matrix a) {
    return 1.0 * node.result().type().size() * a.size(a.columns());
  }

  private List<Cut> cuts(Matrix a, Matrix b, Matrix c) {
    return cuts(a, b, c, 16);
  }

  /**
   * What each thread multiplies.
   *
   * @param grain of columns
   */
  private List<Cut> cuts(Matrix a, Matrix b, Matrix c, long grain) {
    int axis = divided(b, c);
    long size = c.size(axis);
    long count = work(a) < WORTH_SHARING ? 1 : Math.min(kernels.threads(), size);
    long each = Math.ceilDiv(size, count);
    if (axis == c.columns()) each = Math.ceilDiv(each, grain) * grain;
    var cuts = new ArrayList<Cut>();
    for (long from = 0; from < size; from += each) {
      long to = Math.min(size, from + each);
      cuts.add(
          new Cut(
              axis == c.columns() ? a : cut(a, axis, from, to),
              axis == c.rows() ? b : cut(b, axis, from, to),
              cut(c, axis, from, to)));
    }
    return cuts;
  }

  private Optional<DnnlStep.Part> part(Cut cut, Optional<DType> packed) {
    return kernels
        .matmul(layout(cut.a), layout(cut.b), layout(cut.c), packed)
        .map(
            primitive ->
                new DnnlStep.Part(
                    primitive, List.of(argument(cut.a), argument(cut.b), argument(cut.c))));
  }

  private static Matrix cut(Matrix matrix, int axis, long from, long to) {
    var dims = new ArrayList<>(matrix.dims);
    dims.set(axis, to - from);
    long offset = matrix.offset + from * matrix.strides.get(axis);
    return new Matrix(matrix.dtype, matrix.storage, offset, dims, matrix.strides);
  }

  private static Layout layout(Matrix matrix) {
    return new Layout(matrix.dtype, matrix.dims, matrix.strides);
  }

  private static DnnlStep.Argument argument(Matrix matrix) {
    return new DnnlStep.Argument(matrix.storage, matrix.offset * matrix.dtype.bits() / 8);
  }
}
