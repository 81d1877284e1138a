package dev.gamelan.tensor;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.Device;
import dev.gamelan.ir.Activation;
import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.type.Broadcasting;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * An n-dimensional array of one dtype. Immutable and lazy: an operation checks shapes at once and
 * computes when a value is read, together with everything else that is needed then. May be used
 * from any thread.
 *
 * <p>Operands of one operation have one dtype and device; Java numbers take the tensor's dtype.
 * Negative axes count from the end.
 */
public final class Tensor implements Variable {
  private final LazyValue value;

  Tensor(LazyValue value) {
    this.value = value;
  }

  LazyValue lazy() {
    return value.resolve();
  }

  // ---- from the host

  /** f32, of rank 1. */
  public static Tensor of(float[] elements) {
    return HostData.of(elements, Shape.of(elements.length));
  }

  /** f32, of rank 2; rows of one length. */
  public static Tensor of(float[][] rows) {
    int width = rows.length == 0 ? 0 : rows[0].length;
    var elements = new float[rows.length * width];
    for (int i = 0; i < rows.length; i++) {
      if (rows[i].length != width) {
        throw new IllegalArgumentException(
            "rows of one length are needed; row 0 has %d elements and row %d has %d"
                .formatted(width, i, rows[i].length));
      }
      System.arraycopy(rows[i], 0, elements, i * width, width);
    }
    return HostData.of(elements, Shape.of(rows.length, width));
  }

  /** f32, in row-major order. */
  public static Tensor of(float[] elements, long... shape) {
    return HostData.of(elements, Shape.of(shape));
  }

  /** f64, of rank 1. */
  public static Tensor of(double[] elements) {
    return HostData.of(elements, Shape.of(elements.length));
  }

  /** i32, of rank 1. */
  public static Tensor of(int[] elements) {
    return HostData.of(elements, Shape.of(elements.length));
  }

  /** i32, in row-major order. */
  public static Tensor of(int[] elements, long... shape) {
    return HostData.of(elements, Shape.of(shape));
  }

  /** i64, of rank 1. */
  public static Tensor of(long[] elements) {
    return HostData.of(elements, Shape.of(elements.length));
  }

  /** bool, of rank 1. */
  public static Tensor of(boolean[] elements) {
    return HostData.of(elements, Shape.of(elements.length));
  }

  /** Of any type, from its bytes: little-endian, row-major, packed below 8 bits. */
  public static Tensor of(TensorType type, MemorySegment bytes) {
    return HostData.of(type, bytes);
  }

  /**
   * As {@link #of(TensorType, MemorySegment)}, but outside of whatever is recording, tracing or
   * scoped: a constant that later calls may use again, such as a weight that is loaded when first
   * needed.
   */
  public static Tensor constant(TensorType type, MemorySegment bytes) {
    return Context.current().outside().call(() -> HostData.of(type, bytes));
  }

  /** An f32 scalar that is known on the host, such as a learning rate. */
  public static Tensor scalar(double value) {
    return HostData.of(new float[] {(float) value}, Shape.scalar());
  }

  // ---- what it is

  @Override
  public TensorType type() {
    return value.type();
  }

  @Override
  public Tensor value() {
    return this;
  }

  public DType dtype() {
    return type().dtype();
  }

  public Shape shape() {
    return type().shape();
  }

  public int rank() {
    return shape().rank();
  }

  public long dim(int axis) {
    return shape().dim(axis);
  }

  /** The number of elements. */
  public long size() {
    return shape().size();
  }

  public Device device() {
    return value.node().device;
  }

  // ---- reading

  /** Computes it now, if it is not yet. */
  public Tensor evaluate() {
    Evaluation.run(List.of(lazy()));
    return this;
  }

  /** The elements in row-major order; of any dtype. */
  public float[] toFloatArray() {
    return HostData.toFloats(this);
  }

  public double[] toDoubleArray() {
    return HostData.toDoubles(this);
  }

  /** The elements of an integer or bool tensor. */
  public long[] toLongArray() {
    return HostData.toLongs(this);
  }

  public int[] toIntArray() {
    return Arrays.stream(toLongArray()).mapToInt(Math::toIntExact).toArray();
  }

  /** The only element. */
  public float toFloat() {
    return (float) toDouble();
  }

  public double toDouble() {
    requireOneElement();
    return toDoubleArray()[0];
  }

  public long toLong() {
    requireOneElement();
    return toLongArray()[0];
  }

  public boolean toBoolean() {
    return toLong() != 0;
  }

  /** Copies the bytes of the elements to {@code to}, as {@link #of(TensorType, MemorySegment)}. */
  public void read(MemorySegment to) {
    HostData.read(this, to);
  }

  /**
   * Evaluates the tensor and gives its engine's buffer to {@code reader}, which may read it but
   * neither write nor close it: for what knows the engine and passes memory on. Nothing overwrites
   * that memory any more; it is freed with the tensor, unless the engine counts who uses it.
   */
  public <T> T withBuffer(Function<Buffer, T> reader) {
    return HostData.withBuffer(this, reader);
  }

  private void requireOneElement() {
    if (size() != 1) {
      throw new IllegalArgumentException(
          "%s has %d elements, not one; reduce or slice it first".formatted(type(), size()));
    }
  }

  // ---- pointwise

  /** −x. */
  public Tensor neg() {
    return unary(UnaryKind.NEG);
  }

  /** |x|. */
  public Tensor abs() {
    return unary(UnaryKind.ABS);
  }

  /** −1, 0 or 1. */
  public Tensor sign() {
    return unary(UnaryKind.SIGN);
  }

  /** eˣ. */
  public Tensor exp() {
    return unary(UnaryKind.EXP);
  }

  /** eˣ − 1, accurate near 0. */
  public Tensor expm1() {
    return unary(UnaryKind.EXPM1);
  }

  /** The natural logarithm. */
  public Tensor log() {
    return unary(UnaryKind.LOG);
  }

  /** log(1 + x), accurate near 0. */
  public Tensor log1p() {
    return unary(UnaryKind.LOG1P);
  }

  /** √x. */
  public Tensor sqrt() {
    return unary(UnaryKind.SQRT);
  }

  /** 1/√x. */
  public Tensor rsqrt() {
    return unary(UnaryKind.RSQRT);
  }

  /** Of radians. */
  public Tensor sin() {
    return unary(UnaryKind.SIN);
  }

  /** Of radians. */
  public Tensor cos() {
    return unary(UnaryKind.COS);
  }

  /** The hyperbolic tangent. */
  public Tensor tanh() {
    return unary(UnaryKind.TANH);
  }

  /** 1 / (1 + e⁻ˣ). */
  public Tensor sigmoid() {
    return unary(UnaryKind.LOGISTIC);
  }

  /** The error function. */
  public Tensor erf() {
    return unary(UnaryKind.ERF);
  }

  /** Down to an integer. */
  public Tensor floor() {
    return unary(UnaryKind.FLOOR);
  }

  /** Up to an integer. */
  public Tensor ceil() {
    return unary(UnaryKind.CEIL);
  }

  /** To the nearest integer, halves to the even one. */
  public Tensor round() {
    return unary(UnaryKind.ROUND_EVEN);
  }

  /** Logical on bool, bitwise on integers. */
  public Tensor not() {
    return unary(UnaryKind.NOT);
  }

  /** Neither infinite nor NaN. */
  public Tensor isFinite() {
    return unary(UnaryKind.IS_FINITE);
  }

  public Tensor square() {
    return mul(this);
  }

  /** x + y. Shapes broadcast. */
  public Tensor add(Tensor y) {
    return binary(BinaryKind.ADD, y);
  }

  public Tensor add(double y) {
    return binary(BinaryKind.ADD, number(this, y));
  }

  public Tensor add(long y) {
    return binary(BinaryKind.ADD, number(this, y));
  }

  /** x − y. Shapes broadcast. */
  public Tensor sub(Tensor y) {
    return binary(BinaryKind.SUB, y);
  }

  public Tensor sub(double y) {
    return binary(BinaryKind.SUB, number(this, y));
  }

  public Tensor sub(long y) {
    return binary(BinaryKind.SUB, number(this, y));
  }

  /** x · y. Shapes broadcast. */
  public Tensor mul(Tensor y) {
    return binary(BinaryKind.MUL, y);
  }

  public Tensor mul(double y) {
    return binary(BinaryKind.MUL, number(this, y));
  }

  public Tensor mul(long y) {
    return binary(BinaryKind.MUL, number(this, y));
  }

  /** x / y; integers truncate. Shapes broadcast. */
  public Tensor div(Tensor y) {
    return binary(BinaryKind.DIV, y);
  }

  public Tensor div(double y) {
    return binary(BinaryKind.DIV, number(this, y));
  }

  public Tensor div(long y) {
    return binary(BinaryKind.DIV, number(this, y));
  }

  /** The remainder of a truncated division. Shapes broadcast. */
  public Tensor rem(Tensor y) {
    return binary(BinaryKind.REM, y);
  }

  public Tensor rem(double y) {
    return binary(BinaryKind.REM, number(this, y));
  }

  public Tensor rem(long y) {
    return binary(BinaryKind.REM, number(this, y));
  }

  /** xʸ. Shapes broadcast. */
  public Tensor pow(Tensor y) {
    return binary(BinaryKind.POW, y);
  }

  public Tensor pow(double y) {
    return binary(BinaryKind.POW, number(this, y));
  }

  public Tensor pow(long y) {
    return binary(BinaryKind.POW, number(this, y));
  }

  /** The larger; NaN wins. Shapes broadcast. */
  public Tensor maximum(Tensor y) {
    return binary(BinaryKind.MAX, y);
  }

  public Tensor maximum(double y) {
    return binary(BinaryKind.MAX, number(this, y));
  }

  public Tensor maximum(long y) {
    return binary(BinaryKind.MAX, number(this, y));
  }

  /** The smaller; NaN wins. Shapes broadcast. */
  public Tensor minimum(Tensor y) {
    return binary(BinaryKind.MIN, y);
  }

  public Tensor minimum(double y) {
    return binary(BinaryKind.MIN, number(this, y));
  }

  public Tensor minimum(long y) {
    return binary(BinaryKind.MIN, number(this, y));
  }

  /** The angle of the point (y, x), where this is y. Shapes broadcast. */
  public Tensor atan2(Tensor x) {
    return binary(BinaryKind.ATAN2, x);
  }

  /** Logical on bool, bitwise on integers. Shapes broadcast. */
  public Tensor and(Tensor x) {
    return binary(BinaryKind.AND, x);
  }

  /** Logical on bool, bitwise on integers. Shapes broadcast. */
  public Tensor or(Tensor x) {
    return binary(BinaryKind.OR, x);
  }

  /** Logical on bool, bitwise on integers. Shapes broadcast. */
  public Tensor xor(Tensor x) {
    return binary(BinaryKind.XOR, x);
  }

  public Tensor eq(Tensor y) {
    return compare(CompareKind.EQ, y);
  }

  public Tensor eq(double y) {
    return compare(CompareKind.EQ, number(this, y));
  }

  public Tensor eq(long y) {
    return compare(CompareKind.EQ, number(this, y));
  }

  public Tensor ne(Tensor y) {
    return compare(CompareKind.NE, y);
  }

  public Tensor ne(double y) {
    return compare(CompareKind.NE, number(this, y));
  }

  public Tensor ne(long y) {
    return compare(CompareKind.NE, number(this, y));
  }

  public Tensor lt(Tensor y) {
    return compare(CompareKind.LT, y);
  }

  public Tensor lt(double y) {
    return compare(CompareKind.LT, number(this, y));
  }

  public Tensor lt(long y) {
    return compare(CompareKind.LT, number(this, y));
  }

  public Tensor le(Tensor y) {
    return compare(CompareKind.LE, y);
  }

  public Tensor le(double y) {
    return compare(CompareKind.LE, number(this, y));
  }

  public Tensor le(long y) {
    return compare(CompareKind.LE, number(this, y));
  }

  public Tensor gt(Tensor y) {
    return compare(CompareKind.GT, y);
  }

  public Tensor gt(double y) {
    return compare(CompareKind.GT, number(this, y));
  }

  public Tensor gt(long y) {
    return compare(CompareKind.GT, number(this, y));
  }

  public Tensor ge(Tensor y) {
    return compare(CompareKind.GE, y);
  }

  public Tensor ge(double y) {
    return compare(CompareKind.GE, number(this, y));
  }

  public Tensor ge(long y) {
    return compare(CompareKind.GE, number(this, y));
  }

  /** Where this bool tensor is true {@code onTrue}, else {@code onFalse}. Shapes broadcast. */
  public Tensor select(Tensor onTrue, Tensor onFalse) {
    var shape =
        Broadcasting.common(
            "select", shape(), Broadcasting.common("select", onTrue.shape(), onFalse.shape()));
    return apply(
        new Primitive.Select(),
        List.of(broadcastTo(shape), onTrue.broadcastTo(shape), onFalse.broadcastTo(shape)));
  }

  /** In another dtype; see {@link Primitive.Convert}. */
  public Tensor convert(DType dtype) {
    return dtype == dtype() ? this : apply(new Primitive.Convert(dtype, false), List.of(this));
  }

  /** The same bits as another dtype. */
  public Tensor bitcast(DType dtype) {
    return apply(new Primitive.Bitcast(dtype), List.of(this));
  }

  public Tensor clamp(double low, double high) {
    return apply(new Activation.Clamp(low, high), List.of(this));
  }

  public Tensor relu() {
    return apply(new Activation.Relu(), List.of(this));
  }

  /** Exact, with erf. */
  public Tensor gelu() {
    return apply(new Activation.Gelu(false), List.of(this));
  }

  public Tensor silu() {
    return apply(new Activation.Silu(), List.of(this));
  }

  /** Itself, as a constant to gradients. */
  public Tensor stopGradient() {
    return apply(new TensorOp.StopGradient(), List.of(this));
  }

  // ---- movement

  /** The same elements in another shape; one size may be −1, which is worked out. */
  public Tensor reshape(long... dims) {
    int open = -1;
    long known = 1;
    for (int i = 0; i < dims.length; i++) {
      if (dims[i] != -1) {
        known *= dims[i];
      } else if (open >= 0) {
        throw new IllegalArgumentException(
            "reshape: at most one size is -1; got " + Arrays.toString(dims));
      } else {
        open = i;
      }
    }
    var sizes = dims.clone();
    if (open >= 0) sizes[open] = known == 0 ? 0 : size() / known;
    return reshape(Shape.of(sizes));
  }

  public Tensor reshape(Shape shape) {
    return shape.equals(shape()) ? this : apply(new Primitive.Reshape(shape), List.of(this));
  }

  /** All axes from {@code axis} on as one. */
  public Tensor flatten(int axis) {
    int from = shape().axis(axis);
    return reshape(shape().range(0, from).append(shape().range(from, rank()).size()));
  }

  /** Swaps the last two axes. */
  public Tensor transpose() {
    if (rank() < 2) {
      throw new IllegalArgumentException(
          "transpose: needs at least 2 axes; got %s; reshape it to a matrix".formatted(type()));
    }
    var permutation = new ArrayList<>(shape().axes());
    Collections.swap(permutation, rank() - 2, rank() - 1);
    return apply(new Primitive.Transpose(permutation), List.of(this));
  }

  /** Axis i of the result is axis {@code permutation[i]}. */
  public Tensor transpose(int... permutation) {
    var axes = shape().axes(IntStream.of(permutation).boxed().toList());
    return apply(new Primitive.Transpose(axes), List.of(this));
  }

  public Tensor broadcastTo(Shape shape) {
    if (shape.equals(shape())) return this;
    var axes = Broadcasting.trailingAxes(shape(), shape);
    return apply(new Primitive.BroadcastInDim(shape, axes), List.of(this));
  }

  /** From {@code start} to {@code limit}, exclusive, along one axis. */
  public Tensor slice(int axis, long start, long limit) {
    if (start == 0 && limit == dim(axis)) return this;
    return apply(Primitive.sliceAxis(shape(), shape().axis(axis), start, limit), List.of(this));
  }

  /** One index of an axis, which the result drops. */
  public Tensor at(int axis, long index) {
    int dropped = shape().axis(axis);
    return slice(dropped, index, index + 1).reshape(shape().without(List.of(dropped)));
  }

  /** With a new axis of size 1 before {@code axis}. */
  public Tensor expandAxis(int axis) {
    return reshape(shape().insert(axis < 0 ? axis + rank() + 1 : axis, 1));
  }

  /** The elements at {@code indices}, integers of any shape, along an axis. */
  public Tensor gather(int axis, Tensor indices) {
    return apply(new Primitive.Gather(shape().axis(axis)), List.of(this, indices));
  }

  /** Element by element along an axis; {@code indices} differ from this at that axis only. */
  public Tensor gatherElements(int axis, Tensor indices) {
    return apply(new Primitive.GatherElements(shape().axis(axis)), List.of(this, indices));
  }

  /** With {@code low} zeros before and {@code high} after along an axis; negative ones crop. */
  public Tensor pad(int axis, long low, long high) {
    var none = Collections.nCopies(rank(), 0L);
    var before = new ArrayList<>(none);
    var after = new ArrayList<>(none);
    before.set(shape().axis(axis), low);
    after.set(shape().axis(axis), high);
    return apply(new Primitive.Pad(before, after, none), List.of(this, number(this, 0)));
  }

  // ---- reduction; without axes, over all of them

  public Tensor sum(int... axes) {
    return reduce(ReduceKind.SUM, axes);
  }

  public Tensor prod(int... axes) {
    return reduce(ReduceKind.PROD, axes);
  }

  public Tensor max(int... axes) {
    return reduce(ReduceKind.MAX, axes);
  }

  public Tensor min(int... axes) {
    return reduce(ReduceKind.MIN, axes);
  }

  /** Of bool: whether all are true. */
  public Tensor all(int... axes) {
    return reduce(ReduceKind.AND, axes);
  }

  /** Of bool: whether any is true. */
  public Tensor any(int... axes) {
    return reduce(ReduceKind.OR, axes);
  }

  public Tensor mean(int... axes) {
    var sum = sum(axes);
    return sum.mul((double) sum.size() / size());
  }

  /** The index of the first largest element, i32; the axis is dropped. */
  public Tensor argMax(int axis) {
    var op = new Primitive.ArgReduce(ArgKind.MAX, shape().axis(axis), DType.I32);
    return apply(op, List.of(this));
  }

  public Tensor argMin(int axis) {
    var op = new Primitive.ArgReduce(ArgKind.MIN, shape().axis(axis), DType.I32);
    return apply(op, List.of(this));
  }

  public Tensor cumulativeSum(int axis) {
    var op = new Primitive.Cumulate(ReduceKind.SUM, shape().axis(axis), false, false);
    return apply(op, List.of(this));
  }

  public Tensor softmax(int axis) {
    return apply(new SoftmaxOp.Softmax(shape().axis(axis)), List.of(this));
  }

  public Tensor logSoftmax(int axis) {
    return apply(new SoftmaxOp.LogSoftmax(shape().axis(axis)), List.of(this));
  }

  public Tensor logSumExp(int axis) {
    return apply(new SoftmaxOp.Logsumexp(shape().axis(axis)), List.of(this));
  }

  /** Of logits [.., C] and integer labels [..]: the mean negative log-likelihood, a scalar. */
  public Tensor crossEntropy(Tensor labels) {
    return apply(new SoftmaxOp.CrossEntropy(), List.of(this, labels)).mean();
  }

  // ---- contraction

  /** [.., m, k] × [.., k, n] = [.., m, n]; leading axes broadcast. */
  public Tensor matmul(Tensor y) {
    if (rank() < 2 || y.rank() < 2) {
      throw new IllegalArgumentException(
          "matmul: needs [.., m, k] and [.., k, n]; got %s and %s; reshape vectors to matrices"
              .formatted(type(), y.type()));
    }
    var batch =
        Broadcasting.common(
            "matmul", shape().range(0, rank() - 2), y.shape().range(0, y.rank() - 2));
    // A matrix on the right of a batch is one contraction; nothing is repeated.
    var left = y.rank() == 2 ? this : broadcastTo(batch.append(dim(-2), dim(-1)));
    var right = y.rank() == 2 ? y : y.broadcastTo(batch.append(y.dim(-2), y.dim(-1)));
    var batchAxes = IntStream.range(0, right.rank() - 2).boxed().toList();
    var dot =
        new Primitive.DotGeneral(
            batchAxes, batchAxes, List.of(left.rank() - 1), List.of(right.rank() - 2), dtype());
    return apply(dot, List.of(left, right));
  }

  // ---- how nodes are made

  /** An op of one result as a lazy node: how anything that is not a method here is computed. */
  public static Tensor apply(Op op, List<Tensor> operands) {
    return applyAll(op, operands).getFirst();
  }

  /** An op of any number of results. */
  public static List<Tensor> applyAll(Op op, List<Tensor> operands) {
    var context = Context.current();
    var device = operands.isEmpty() ? context.device() : operands.getFirst().device();
    var values = new ArrayList<LazyValue>(operands.size());
    for (var operand : operands) {
      if (!operand.device().equals(device)) throw mixedDevices(device, operand.device());
      var lazy = operand.lazy();
      // The program used what an evaluation had computed and dropped: keep it next time.
      if (lazy.node().computedInside) lazy.node().wanted[lazy.index()] = true;
      values.add(lazy);
    }
    var types = op.infer(operands.stream().map(Tensor::type).toList());
    var node = new LazyNode(device, types, op, values, false, context.recording());
    node.pendingNodes = DepthLimit.pendingNodes(values);
    var recording = context.recording();
    if (recording != null) recording.add(node);
    else DepthLimit.apply(node);
    return IntStream.range(0, types.size())
        .mapToObj(i -> new Tensor(new LazyValue(node, i)))
        .toList();
  }

  /** A Java number in tensor arithmetic, which may change without compiling again. */
  static Tensor number(Tensor like, double number) {
    if (!like.dtype().isFloat() && number != Math.rint(number)) {
      throw new IllegalArgumentException(
          "%s takes no %s; convert it to a floating-point dtype first"
              .formatted(like.type(), number));
    }
    return number(like, Scalar.of(like.dtype(), number));
  }

  static Tensor number(Tensor like, long number) {
    return number(like, Scalar.of(like.dtype(), number));
  }

  private static Tensor number(Tensor like, Scalar number) {
    var recording = Context.current().recording();
    var type = new TensorType(number.dtype(), Shape.scalar());
    var node =
        new LazyNode(
            like.device(),
            List.of(type),
            new Primitive.Fill(number, Shape.scalar()),
            List.of(),
            true,
            recording);
    node.pendingNodes = 1;
    if (recording != null) recording.add(node);
    return new Tensor(new LazyValue(node, 0));
  }

  private Tensor unary(UnaryKind kind) {
    return apply(new Primitive.Unary(kind), List.of(this));
  }

  private Tensor binary(BinaryKind kind, Tensor y) {
    var shape = Broadcasting.common(kind.toString(), shape(), y.shape());
    return apply(new Primitive.Binary(kind), List.of(broadcastTo(shape), y.broadcastTo(shape)));
  }

  private Tensor compare(CompareKind kind, Tensor y) {
    var shape = Broadcasting.common("compare", shape(), y.shape());
    return apply(new Primitive.Compare(kind), List.of(broadcastTo(shape), y.broadcastTo(shape)));
  }

  private Tensor reduce(ReduceKind kind, int[] axes) {
    var all = axes.length == 0 ? shape().axes() : shape().axes(IntStream.of(axes).boxed().toList());
    return apply(new Primitive.Reduce(kind, all), List.of(this));
  }

  static IllegalArgumentException mixedDevices(Device one, Device other) {
    return new IllegalArgumentException(
        "tensors of %s and %s do not mix; move one with Tensors.copyTo(tensor, device)"
            .formatted(one, other));
  }

  /** The type and the elements, with the middle of long axes left out. */
  @Override
  public String toString() {
    return TensorPrinter.print(this);
  }
}
