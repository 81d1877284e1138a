package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The ops that every engine implements. Terms and semantics are StableHLO's where it has the op;
 * the reference engine defines each of them for every dtype. Shapes are static.
 *
 * <p>Common to all: integer arithmetic wraps, integer division truncates and its remainder takes
 * the dividend's sign, integer division by zero and shifts by less than 0 or by the width and more
 * give an unspecified number; max and min propagate NaN; f16 and bf16 contractions and reductions
 * accumulate in f32 or wider and round once; NaN payloads are unspecified.
 */
public sealed interface Primitive extends Op {

  // ---- source

  /** A small tensor known when the graph is built. */
  record Constant(Literal literal) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 0);
      return List.of(literal.type());
    }
  }

  /** Every element is {@code value}. */
  record Fill(Scalar value, Shape shape) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 0);
      return List.of(new TensorType(value.dtype(), shape));
    }
  }

  /** Every element is its index along {@code axis}. */
  record Iota(TensorType type, int axis) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 0);
      Expect.numbers(this, List.of(type), type);
      Expect.axis(this, List.of(type), type, axis);
      return List.of(type);
    }
  }

  // ---- pointwise

  record Unary(UnaryKind kind) implements Primitive {
    @Override
    public String name() {
      return kind.toString();
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      return switch (kind) {
        case NEG, ABS, SIGN -> {
          Expect.numbers(this, inputs, type);
          yield inputs;
        }
        case NOT -> {
          Expect.dtype(this, inputs, type, d -> !d.isFloat(), "an integer or bool operand");
          yield inputs;
        }
        case EXP,
            EXPM1,
            LOG,
            LOG1P,
            SQRT,
            RSQRT,
            SIN,
            COS,
            TANH,
            LOGISTIC,
            ERF,
            FLOOR,
            CEIL,
            ROUND_EVEN -> {
          Expect.floats(this, inputs, type);
          yield inputs;
        }
        case IS_FINITE -> {
          Expect.floats(this, inputs, type);
          yield List.of(type.with(DType.BOOL));
        }
      };
    }
  }

  record Binary(BinaryKind kind) implements Primitive {
    @Override
    public String name() {
      return kind.toString();
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      Expect.sameTypes(this, inputs, inputs);
      var type = inputs.getFirst();
      switch (kind) {
        case ADD, SUB, MUL, DIV, REM, POW, MAX, MIN -> Expect.numbers(this, inputs, type);
        case ATAN2 -> Expect.floats(this, inputs, type);
        case AND, OR, XOR ->
            Expect.dtype(this, inputs, type, d -> !d.isFloat(), "integer or bool operands");
        case SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC ->
            Expect.dtype(this, inputs, type, DType::isInteger, "integer operands");
      }
      return List.of(type);
    }
  }

  record Compare(CompareKind kind) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      Expect.sameTypes(this, inputs, inputs);
      Expect.computes(this, inputs, inputs.getFirst());
      return List.of(inputs.getFirst().with(DType.BOOL));
    }
  }

  /** Operands: bool predicate, value where true, value where false, all of one shape. */
  record Select() implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      Expect.that(
          inputs.getFirst().equals(inputs.get(1).with(DType.BOOL)),
          this,
          inputs,
          "a bool predicate of the shape of the values",
          "compare, or broadcast it first");
      Expect.sameTypes(this, inputs, inputs.subList(1, 3));
      Expect.computes(this, inputs, inputs.get(1));
      return List.of(inputs.get(1));
    }
  }

  /**
   * To another dtype. Integer to integer wraps; float to integer truncates and saturates, NaN
   * becomes 0; to float rounds to nearest even, and with {@code saturate} what is too large becomes
   * the largest finite value.
   */
  record Convert(DType to, boolean saturate) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      return List.of(inputs.getFirst().with(to));
    }
  }

  /**
   * The same bits as another dtype. To a narrower dtype appends an axis, to a wider one drops the
   * last axis, whose elements come low bits first.
   */
  record Bitcast(DType to) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      int from = type.dtype().bits();
      if (from == to.bits()) return List.of(type.with(to));
      if (from > to.bits()) {
        return List.of(new TensorType(to, type.shape().append(from / to.bits())));
      }
      Expect.that(
          type.rank() > 0 && type.dim(-1) == to.bits() / from,
          this,
          inputs,
          () -> "a last axis of %d for %s".formatted(to.bits() / from, to),
          "reshape it first");
      return List.of(new TensorType(to, type.shape().without(List.of(-1))));
    }
  }

  // ---- movement

  record Reshape(Shape shape) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      Expect.that(
          inputs.getFirst().size() == shape.size(),
          this,
          inputs,
          () -> "as many elements as %s has, %d".formatted(shape, shape.size()),
          "choose sizes with the same product");
      return List.of(inputs.getFirst().with(shape));
    }
  }

  /** Axis {@code i} of the result is axis {@code permutation[i]} of the operand. */
  record Transpose(List<Integer> permutation) implements Primitive {
    public Transpose {
      permutation = List.copyOf(permutation);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      Expect.distinctAxes(this, inputs, type, permutation);
      Expect.that(
          permutation.size() == type.rank(),
          this,
          inputs,
          () -> "a permutation of all axes; it is " + permutation,
          "name each axis once");
      return List.of(type.with(type.shape().select(permutation)));
    }
  }

  /** Axis {@code i} of the operand becomes axis {@code axes[i]} of {@code shape}; 1 stretches. */
  record BroadcastInDim(Shape shape, List<Integer> axes) implements Primitive {
    public BroadcastInDim {
      axes = List.copyOf(axes);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      Expect.that(
          axes.size() == type.rank(),
          this,
          inputs,
          () -> "an axis for each of " + axes,
          "name them all");
      Expect.distinctAxes(this, inputs, type.with(shape), axes);
      for (int i = 0; i < axes.size(); i++) {
        int axis = i;
        Expect.that(
            type.dim(i) == 1 || type.dim(i) == shape.dim(axes.get(i)),
            this,
            inputs,
            () ->
                "size 1 or %d at axis %d for %s".formatted(shape.dim(axes.get(axis)), axis, shape),
            "only axes of size 1 stretch");
      }
      return List.of(type.with(shape));
    }
  }

  /** From {@code starts} to {@code limits}, exclusive, every {@code strides}-th element. */
  record Slice(List<Long> starts, List<Long> limits, List<Long> strides) implements Primitive {
    public Slice {
      starts = List.copyOf(starts);
      limits = List.copyOf(limits);
      strides = List.copyOf(strides);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      int rank = type.rank();
      Expect.that(
          starts.size() == rank && limits.size() == rank && strides.size() == rank,
          this,
          inputs,
          () ->
              "a start, limit and stride for each axis; got %s, %s, %s"
                  .formatted(starts, limits, strides),
          "name them all");
      var dims = new long[rank];
      for (int i = 0; i < rank; i++) {
        int axis = i;
        long start = starts.get(i);
        long limit = limits.get(i);
        Expect.that(
            0 <= start && start <= limit && limit <= type.dim(i) && strides.get(i) > 0,
            this,
            inputs,
            () ->
                "0 ≤ start ≤ limit ≤ size and a positive stride at axis %d; got %d:%d:%d"
                    .formatted(axis, start, limit, strides.get(axis)),
            "clip the bounds first");
        dims[i] = Math.ceilDiv(limit - start, strides.get(i));
      }
      return List.of(type.with(Shape.of(dims)));
    }
  }

  /**
   * Operands: x and a scalar. {@code interior} elements go between neighbours, {@code low} before
   * and {@code high} after; negative edges crop.
   */
  record Pad(List<Long> low, List<Long> high, List<Long> interior) implements Primitive {
    public Pad {
      low = List.copyOf(low);
      high = List.copyOf(high);
      interior = List.copyOf(interior);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var type = inputs.getFirst();
      int rank = type.rank();
      Expect.that(
          inputs.get(1).equals(type.with(Shape.scalar())),
          this,
          inputs,
          "a scalar of the same dtype to pad with",
          "convert it first");
      Expect.that(
          low.size() == rank && high.size() == rank && interior.size() == rank,
          this,
          inputs,
          () ->
              "low, high and interior for each axis; got %s, %s, %s".formatted(low, high, interior),
          "name them all");
      var dims = new long[rank];
      for (int i = 0; i < rank; i++) {
        int axis = i;
        long inner = type.dim(i) + Math.max(type.dim(i) - 1, 0) * interior.get(i);
        dims[i] = inner + low.get(i) + high.get(i);
        Expect.that(
            interior.get(i) >= 0 && dims[i] >= 0,
            this,
            inputs,
            () -> "no negative size at axis %d and no negative interior".formatted(axis),
            "crop less");
      }
      return List.of(type.with(Shape.of(dims)));
    }
  }

  record Concatenate(int axis) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, 1);
      var first = inputs.getFirst();
      Expect.axis(this, inputs, first, axis);
      long size = 0;
      for (var type : inputs) {
        Expect.that(
            type.rank() == first.rank()
                && type.with(type.shape().with(axis, first.dim(axis))).equals(first),
            this,
            inputs,
            () -> "types that differ at axis %d only".formatted(axis),
            "reshape or convert the odd one");
        size += type.dim(axis);
      }
      return List.of(first.with(first.shape().with(axis, size)));
    }
  }

  record Reverse(List<Integer> axes) implements Primitive {
    public Reverse {
      axes = List.copyOf(axes);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      Expect.distinctAxes(this, inputs, inputs.getFirst(), axes);
      return inputs;
    }
  }

  /**
   * Operands: x and for each axis a scalar integer start. Starts are clamped so that the slice of
   * size {@code sizes} lies inside.
   */
  record DynamicSlice(Shape sizes) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, 1);
      var type = inputs.getFirst();
      starts(this, inputs, inputs.subList(1, inputs.size()), type, sizes);
      return List.of(type.with(sizes));
    }

    static void starts(
        Op op, List<TensorType> got, List<TensorType> starts, TensorType type, Shape sizes) {
      Expect.that(
          starts.size() == type.rank() && starts.stream().allMatch(s -> s.rank() == 0),
          op,
          got,
          "a scalar start for each axis",
          "pass one start an axis");
      starts.forEach(start -> Expect.indices(op, got, start));
      Expect.that(
          sizes.rank() == type.rank()
              && IntStream.range(0, sizes.rank()).allMatch(i -> sizes.dim(i) <= type.dim(i)),
          op,
          got,
          () -> "a slice that fits; it is " + sizes,
          "make it smaller");
    }
  }

  /** Operands: x, update, and for each axis a scalar integer start, clamped as in dynamic_slice. */
  record DynamicUpdateSlice() implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, 2);
      var type = inputs.getFirst();
      var update = inputs.get(1);
      Expect.that(
          update.dtype() == type.dtype(), this, inputs, "an update of x's dtype", "convert it");
      DynamicSlice.starts(this, inputs, inputs.subList(2, inputs.size()), type, update.shape());
      return List.of(type);
    }
  }

  // ---- reduction

  /** Combines the elements along {@code axes}, which the result drops. Of nothing: the identity. */
  record Reduce(ReduceKind kind, List<Integer> axes) implements Primitive {
    public Reduce {
      axes = List.copyOf(axes);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      Expect.distinctAxes(this, inputs, type, axes);
      switch (kind) {
        case SUM, PROD, MAX, MIN -> Expect.numbers(this, inputs, type);
        case AND, OR -> Expect.dtype(this, inputs, type, d -> !d.isFloat(), "integers or bool");
      }
      return List.of(type.with(type.shape().without(axes)));
    }
  }

  /** The index of the largest or smallest element along an axis; the first wins, NaN wins. */
  record ArgReduce(ArgKind kind, int axis, DType index) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      Expect.numbers(this, inputs, type);
      Expect.axis(this, inputs, type, axis);
      Expect.that(type.dim(axis) > 0, this, inputs, "a non-empty axis", "there is no index");
      Expect.that(
          index.isInteger() && !index.isStorage(), this, inputs, "an integer index", "use i32");
      return List.of(new TensorType(index, type.shape().without(List.of(axis))));
    }
  }

  /**
   * Running sum, prod, max or min along an axis. {@code exclusive} leaves out the element itself;
   * {@code reverse} runs from the end.
   */
  record Cumulate(ReduceKind kind, int axis, boolean exclusive, boolean reverse)
      implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      Expect.numbers(this, inputs, inputs.getFirst());
      Expect.axis(this, inputs, inputs.getFirst(), axis);
      Expect.that(
          kind != ReduceKind.AND && kind != ReduceKind.OR,
          this,
          inputs,
          () -> "sum, prod, max or min; the kind is " + kind,
          "convert to an integer and use min or max");
      return inputs;
    }
  }

  // ---- contraction

  /**
   * Products summed over the contracting axes. The result's axes: batch, then those that are left
   * of the left operand, then of the right one.
   */
  record DotGeneral(
      List<Integer> leftBatch,
      List<Integer> rightBatch,
      List<Integer> leftContracting,
      List<Integer> rightContracting,
      DType result)
      implements Primitive {
    public DotGeneral {
      leftBatch = List.copyOf(leftBatch);
      rightBatch = List.copyOf(rightBatch);
      leftContracting = List.copyOf(leftContracting);
      rightContracting = List.copyOf(rightContracting);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var left = inputs.getFirst();
      var right = inputs.get(1);
      var leftAxes = concat(leftBatch, leftContracting);
      var rightAxes = concat(rightBatch, rightContracting);
      Expect.distinctAxes(this, inputs, left, leftAxes);
      Expect.distinctAxes(this, inputs, right, rightAxes);
      Expect.that(
          leftBatch.size() == rightBatch.size()
              && left.shape().select(leftAxes).equals(right.shape().select(rightAxes)),
          this,
          inputs,
          () ->
              "equal sizes at axes %s of the left and %s of the right"
                  .formatted(leftAxes, rightAxes),
          "transpose or reshape one of them");
      contracts(this, inputs, result);
      var dims = new ArrayList<Long>();
      leftBatch.forEach(axis -> dims.add(left.dim(axis)));
      left.shape().otherAxes(leftAxes).forEach(axis -> dims.add(left.dim(axis)));
      right.shape().otherAxes(rightAxes).forEach(axis -> dims.add(right.dim(axis)));
      return List.of(new TensorType(result, Shape.of(dims)));
    }

    static List<Integer> concat(List<Integer> a, List<Integer> b) {
      var all = new ArrayList<>(a);
      all.addAll(b);
      return all;
    }

    /** One dtype in and out; or f16 and bf16 to f32; or i8 and u8 in any mix to i32. */
    static void contracts(Op op, List<TensorType> inputs, DType result) {
      var left = inputs.getFirst().dtype();
      var right = inputs.get(1).dtype();
      Expect.numbers(op, inputs, inputs.getFirst());
      boolean bytes = isByte(left) && isByte(right) && result == DType.I32;
      boolean widened =
          left == right && (left == DType.F16 || left == DType.BF16) && result == DType.F32;
      Expect.that(
          bytes || widened || (left == right && left == result),
          op,
          inputs,
          "operands of one dtype, or i8 and u8 for i32, or f16 or bf16 for f32; the result is "
              + result,
          "convert one of them");
    }

    private static boolean isByte(DType dtype) {
      return dtype == DType.I8 || dtype == DType.U8;
    }
  }

  /** Operands: x [N, C, spatial…] and filter [O, C/groups, spatial…]. Result [N, O, spatial…]. */
  record Convolution(Window window, long groups, DType result) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      DotGeneral.contracts(this, inputs, result);
      var x = inputs.getFirst().shape();
      var filter = inputs.get(1).shape();
      return List.of(new TensorType(result, outputShape(this, inputs, x, filter, window, groups)));
    }

    static Shape outputShape(
        Op op, List<TensorType> got, Shape x, Shape filter, Window window, long groups) {
      int spatial = window.rank();
      Expect.that(
          spatial >= 1 && spatial <= 3 && x.rank() == spatial + 2 && filter.rank() == spatial + 2,
          op,
          got,
          () ->
              "x [N, C, spatial…] and filter [O, C/groups, spatial…] with %d spatial axes (1 to 3)"
                  .formatted(spatial),
          "add or drop axes");
      Expect.that(
          groups > 0 && x.dim(1) == filter.dim(1) * groups && filter.dim(0) % groups == 0,
          op,
          got,
          () ->
              "C = groups × %d and O a multiple of groups; groups is %d"
                  .formatted(filter.dim(1), groups),
          "check the channels");
      var dims = new long[spatial + 2];
      dims[0] = x.dim(0);
      dims[1] = filter.dim(0);
      for (int i = 0; i < spatial; i++) {
        Expect.that(
            filter.dim(i + 2) > 0, op, got, "a filter of at least 1 on every axis", "make it so");
        dims[i + 2] = window.outputSize(i, x.dim(i + 2), filter.dim(i + 2));
      }
      return Shape.of(dims);
    }
  }

  /** Operands: result gradient and filter; the gradient of a convolution with respect to x. */
  record ConvolutionInputGradient(Window window, long groups, Shape input, DType result)
      implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      DotGeneral.contracts(this, inputs, result);
      var expected =
          Convolution.outputShape(this, inputs, input, inputs.get(1).shape(), window, groups);
      Expect.that(
          inputs.getFirst().shape().equals(expected),
          this,
          inputs,
          () -> "a result gradient of shape " + expected,
          "it is the gradient of another convolution");
      return List.of(new TensorType(result, input));
    }
  }

  /** Operands: x and result gradient; the gradient of a convolution with respect to the filter. */
  record ConvolutionFilterGradient(Window window, long groups, Shape filter, DType result)
      implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      DotGeneral.contracts(this, inputs, result);
      var expected =
          Convolution.outputShape(this, inputs, inputs.getFirst().shape(), filter, window, groups);
      Expect.that(
          inputs.get(1).shape().equals(expected),
          this,
          inputs,
          () -> "a result gradient of shape " + expected,
          "it is the gradient of another convolution");
      return List.of(new TensorType(result, filter));
    }
  }

  // ---- pool

  /**
   * Operand [N, C, spatial…]. Padding takes no part in max and sum; an average divides by the whole
   * window with {@code countPadding}, else by the elements inside.
   */
  record Pool(PoolKind kind, Shape size, Window window, boolean countPadding) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      if (kind == PoolKind.AVERAGE) Expect.floats(this, inputs, type);
      else Expect.numbers(this, inputs, type);
      return List.of(type.with(outputShape(this, inputs, type.shape(), size, window)));
    }

    static Shape outputShape(Op op, List<TensorType> got, Shape x, Shape size, Window window) {
      int spatial = window.rank();
      Expect.that(
          spatial >= 1 && spatial <= 3 && x.rank() == spatial + 2 && size.rank() == spatial,
          op,
          got,
          () -> "[N, C, spatial…] with %d spatial axes (1 to 3)".formatted(spatial),
          "add or drop axes");
      var dims = x.dims();
      for (int i = 0; i < spatial; i++) {
        long low = window.low().get(i);
        long high = window.high().get(i);
        long extent = (size.dim(i) - 1) * window.dilation().get(i) + 1;
        Expect.that(
            size.dim(i) > 0 && low >= 0 && high >= 0 && low < extent && high < extent,
            op,
            got,
            () ->
                "padding of at least 0 and less than the window; got %d and %d for %d"
                    .formatted(low, high, extent),
            "pad less, or pad x itself");
        dims[i + 2] = window.outputSize(i, x.dim(i + 2), size.dim(i));
      }
      return Shape.of(dims);
    }
  }

  /**
   * Operands: x and result gradient; the gradient of a pool with respect to x. That of max goes to
   * the first maximum of each window, or the first NaN.
   */
  record PoolGradient(PoolKind kind, Shape size, Window window, boolean countPadding)
      implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var type = inputs.getFirst();
      Expect.floats(this, inputs, type);
      var expected = Pool.outputShape(this, inputs, type.shape(), size, window);
      Expect.that(
          inputs.get(1).equals(type.with(expected)),
          this,
          inputs,
          () -> "a result gradient " + type.with(expected),
          "it is the gradient of another pool");
      return List.of(type);
    }
  }

  // ---- indexing

  /**
   * Operands: x and integer indices of any shape. The result has the axes of the indices in place
   * of {@code axis}. An index outside [0, size) is an error on engines that check, else clamped.
   */
  record Gather(int axis) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var type = inputs.getFirst();
      Expect.axis(this, inputs, type, axis);
      Expect.indices(this, inputs, inputs.get(1));
      return List.of(type.with(type.shape().splice(axis, inputs.get(1).shape())));
    }
  }

  /**
   * Operands: x, integer indices, and updates shaped like the gather of x by the indices. Under
   * {@code set} the last duplicate in row-major order wins. Indices as in gather.
   */
  record Scatter(ScatterKind kind, int axis) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      var type = inputs.getFirst();
      var updates = new Gather(axis).infer(inputs.subList(0, 2)).getFirst();
      if (kind == ScatterKind.SET) Expect.computes(this, inputs, type);
      else Expect.numbers(this, inputs, type);
      Expect.that(
          inputs.get(2).equals(updates),
          this,
          inputs,
          () -> "updates " + updates,
          "broadcast them");
      return List.of(type);
    }
  }

  /** Operands: x and indices that differ from x at {@code axis} only; picks element by element. */
  record GatherElements(int axis) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var type = inputs.getFirst();
      var indices = inputs.get(1);
      Expect.axis(this, inputs, type, axis);
      Expect.indices(this, inputs, indices);
      Expect.that(
          indices.rank() == type.rank()
              && indices.shape().with(axis, type.dim(axis)).equals(type.shape()),
          this,
          inputs,
          () -> "indices shaped like x but for axis %d".formatted(axis),
          "broadcast them");
      return List.of(type.with(indices.shape()));
    }
  }

  /** Operands: x, indices as in gather_elements, and updates of the indices' shape. */
  record ScatterElements(ScatterKind kind, int axis) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      var type = inputs.getFirst();
      var updates = new GatherElements(axis).infer(inputs.subList(0, 2)).getFirst();
      if (kind == ScatterKind.SET) Expect.computes(this, inputs, type);
      else Expect.numbers(this, inputs, type);
      Expect.that(
          inputs.get(2).equals(updates),
          this,
          inputs,
          () -> "updates " + updates,
          "broadcast them");
      return List.of(type);
    }
  }

  // ---- order

  /**
   * Sorts by the first operand along an axis and moves the others with it. Stable; NaN comes last
   * either way; -0.0 equals 0.0.
   */
  record Sort(int axis, boolean descending) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, 1);
      var keys = inputs.getFirst();
      Expect.computes(this, inputs, keys);
      Expect.axis(this, inputs, keys, axis);
      Expect.that(
          inputs.stream().allMatch(type -> type.shape().equals(keys.shape())),
          this,
          inputs,
          "operands of one shape",
          "broadcast them");
      return inputs;
    }
  }

  /** The first {@code k} of a descending sort along the last axis: values and i32 indices. */
  record TopK(long k) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      Expect.numbers(this, inputs, type);
      Expect.that(
          type.rank() > 0 && 0 <= k && k <= type.dim(-1),
          this,
          inputs,
          () -> "a last axis of at least k = " + k,
          "make k smaller");
      var shape = type.shape().with(-1, k);
      return List.of(type.with(shape), new TensorType(DType.I32, shape));
    }
  }

  // ---- spectral

  /**
   * Discrete Fourier transform along an axis; complex numbers are a trailing axis of 2. {@code
   * length} is the number of points in time; inverses divide by it. REAL_FORWARD: real to the first
   * length/2+1 frequencies; REAL_INVERSE: back, ignoring what a real signal can't have.
   */
  record Fft(FftKind kind, int axis, long length) implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var type = inputs.getFirst();
      Expect.dtype(this, inputs, type, d -> d == DType.F32 || d == DType.F64, "f32 or f64");
      Expect.axis(this, inputs, type, axis);
      boolean complex = kind != FftKind.REAL_FORWARD;
      long points = kind == FftKind.REAL_INVERSE ? length / 2 + 1 : length;
      Expect.that(
          length > 0
              && type.dim(axis) == points
              && (!complex || (type.dim(-1) == 2 && axis < type.rank() - 1)),
          this,
          inputs,
          () ->
              "%d points at axis %d%s"
                  .formatted(points, axis, complex ? " and a last axis of 2" : ""),
          "pad or slice it first");
      return List.of(
          switch (kind) {
            case FORWARD, INVERSE -> type;
            case REAL_FORWARD -> type.with(type.shape().with(axis, length / 2 + 1).append(2));
            case REAL_INVERSE -> type.with(type.shape().with(axis, length).without(List.of(-1)));
          });
    }
  }

  // ---- control

  /**
   * Runs {@code body} {@code length} times. Operands: {@code carries} initial carries, {@code
   * sequences} tensors whose first axis is {@code length}, then free values. The body takes the
   * carries, one slice of each sequence and the free values, and gives the next carries and one
   * slice of each stacked result. Results: last carries, stacked results. With {@code reverse} it
   * goes from the last slice to the first, and stacks there.
   */
  record Scan(Graph body, long length, int carries, int sequences, boolean reverse)
      implements Primitive {
    @Override
    public List<Graph> bodies() {
      return List.of(body);
    }

    @Override
    public Op withBodies(List<Graph> bodies) {
      return new Scan(bodies.getFirst(), length, carries, sequences, reverse);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, carries + sequences);
      var slices = new ArrayList<TensorType>();
      for (int i = 0; i < inputs.size(); i++) {
        int operand = i;
        var type = inputs.get(i);
        boolean sequence = i >= carries && i < carries + sequences;
        Expect.that(
            !sequence || (type.rank() > 0 && type.dim(0) == length),
            this,
            inputs,
            () -> "a first axis of %d for operand %d".formatted(length, operand),
            "slice it");
        slices.add(sequence ? type.with(type.shape().without(List.of(0))) : type);
      }
      matches(this, inputs, body, slices, "the body");
      var results = body.outputTypes();
      Expect.that(
          length >= 0
              && results.size() >= carries
              && results.subList(0, carries).equals(inputs.subList(0, carries)),
          this,
          inputs,
          () ->
              "a body that gives the carries back in their types; it gives " + Expect.list(results),
          "convert or reshape in the body");
      var types = new ArrayList<>(results.subList(0, carries));
      for (var type : results.subList(carries, results.size())) {
        types.add(type.with(type.shape().insert(0, length)));
      }
      return types;
    }

    static void matches(
        Op op, List<TensorType> got, Graph body, List<TensorType> expected, String what) {
      Expect.that(
          body.inputTypes().equals(expected),
          op,
          got,
          () -> "%s to take %s".formatted(what, Expect.list(expected)),
          "it takes " + Expect.list(body.inputTypes()));
    }
  }

  /**
   * Runs {@code body} while {@code condition} gives true. Operands: {@code carries} carries, then
   * free values; both graphs take all of them, the body gives the next carries. Forward only.
   */
  record While(Graph condition, Graph body, int carries) implements Primitive {
    @Override
    public List<Graph> bodies() {
      return List.of(condition, body);
    }

    @Override
    public Op withBodies(List<Graph> bodies) {
      return new While(bodies.getFirst(), bodies.get(1), carries);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, carries);
      Scan.matches(this, inputs, condition, inputs, "the condition");
      Scan.matches(this, inputs, body, inputs, "the body");
      Expect.that(
          condition.outputTypes().equals(List.of(TensorType.of(DType.BOOL))),
          this,
          inputs,
          "a condition that gives bool[]",
          "it gives " + Expect.list(condition.outputTypes()));
      Expect.that(
          body.outputTypes().equals(inputs.subList(0, carries)),
          this,
          inputs,
          "a body that gives the carries back in their types",
          "it gives " + Expect.list(body.outputTypes()));
      return body.outputTypes();
    }
  }

  /** Operands: a bool scalar, then what the branches take. Runs one branch. */
  record Cond(Graph onTrue, Graph onFalse) implements Primitive {
    @Override
    public List<Graph> bodies() {
      return List.of(onTrue, onFalse);
    }

    @Override
    public Op withBodies(List<Graph> bodies) {
      return new Cond(bodies.getFirst(), bodies.get(1));
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, 1);
      Expect.that(
          inputs.getFirst().equals(TensorType.of(DType.BOOL)),
          this,
          inputs,
          "a bool[] predicate",
          "compare first, or use select for a tensor of choices");
      var operands = inputs.subList(1, inputs.size());
      Scan.matches(this, inputs, onTrue, operands, "the true branch");
      Scan.matches(this, inputs, onFalse, operands, "the false branch");
      Expect.that(
          onTrue.outputTypes().equals(onFalse.outputTypes()),
          this,
          inputs,
          "branches that give the same types",
          "they give %s, and %s"
              .formatted(Expect.list(onTrue.outputTypes()), Expect.list(onFalse.outputTypes())));
      return onTrue.outputTypes();
    }
  }

  /** Gives its operands; no pass moves or merges anything across it. */
  record Barrier() implements Primitive {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      return inputs;
    }
  }

  /** An engine's own function, by name. The only op that an engine need not have. */
  record CustomCall(String target, String config, List<TensorType> results) implements Primitive {
    public CustomCall {
      results = List.copyOf(results);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      return results;
    }
  }

  /** A slice that takes everything of the axes other than {@code axis}. */
  static Slice sliceAxis(Shape shape, int axis, long start, long limit) {
    var starts = new ArrayList<>(Collections.nCopies(shape.rank(), 0L));
    var limits = new ArrayList<>(shape.toList());
    starts.set(axis, start);
    limits.set(axis, limit);
    return new Slice(starts, limits, Collections.nCopies(shape.rank(), 1L));
  }
}
