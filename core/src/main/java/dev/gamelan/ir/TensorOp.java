package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Composites of no larger family. */
public sealed interface TensorOp extends StandardComposite {
  /** The operand; its gradient is 0. */
  record StopGradient() implements TensorOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      return inputs;
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      return inputs;
    }

    @Override
    public Optional<List<Value>> vjp(
        GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
      return Optional.of(resultGradients.stream().map(g::zerosLike).toList());
    }
  }

  /** Integer labels [..] to [.., classes]: 1 at the label; a label outside gives a row of zeros. */
  record OneHot(long classes, DType dtype) implements TensorOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var labels = inputs.getFirst();
      Expect.indices(this, inputs, labels);
      Expect.that(
          classes >= 0 && !dtype.isStorage(),
          this,
          inputs,
          "a number of classes and a dtype to compute with",
          "they are %d and %s".formatted(classes, dtype));
      return List.of(new TensorType(dtype, labels.shape().append(classes)));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var labels = inputs.getFirst();
      var shape = labels.shape().append(classes);
      var column = g.broadcastTo(g.reshape(labels, labels.shape().append(1)), shape);
      // Classes that the labels' dtype can't hold can't be meant.
      var wide =
          g.convert(column, labels.type().dtype().bits() < 32 ? DType.I32 : labels.type().dtype());
      var index = g.iota(wide.type(), shape.rank() - 1);
      return List.of(g.convert(g.compare(CompareKind.EQ, wide, index), dtype));
    }
  }

  /** What a {@link Linear} applies to its result. */
  enum LinearActivation {
    NONE,
    RELU,
    GELU,
    GELU_TANH,
    SILU;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Operands: x [.., I], weight [O, I], and optionally bias [O]. activation(x·Wᵀ + b), [.., O]. */
  record Linear(LinearActivation activation) implements TensorOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, 2);
      var x = inputs.getFirst();
      var weight = inputs.get(1);
      Expect.floats(this, inputs, x);
      Expect.that(
          inputs.size() <= 3
              && x.rank() >= 1
              && weight.rank() == 2
              && weight.dtype() == x.dtype()
              && weight.dim(1) == x.dim(-1)
              && (inputs.size() == 2 || inputs.get(2).equals(x.with(Shape.of(weight.dim(0))))),
          this,
          inputs,
          "x [.., I], weight [O, I] and perhaps bias [O]",
          "the weight's rows are outputs");
      return List.of(x.with(x.shape().with(-1, weight.dim(0))));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = inputs.getFirst();
      var weight = inputs.get(1);
      var dot =
          new Primitive.DotGeneral(
              List.of(), List.of(), List.of(x.rank() - 1), List.of(1), g.widen(x).type().dtype());
      var y = g.add(dot, x, weight);
      if (inputs.size() == 3) y = g.add(y, g.widen(inputs.get(2)));
      y =
          switch (activation) {
            case NONE -> y;
            case RELU -> g.add(new Activation.Relu(), y);
            case GELU -> g.add(new Activation.Gelu(false), y);
            case GELU_TANH -> g.add(new Activation.Gelu(true), y);
            case SILU -> g.add(new Activation.Silu(), y);
          };
      return List.of(g.convert(y, x.type().dtype()));
    }
  }

  /**
   * Operands: x [.., I], weight [O, I] of i8, i4, u4, i2 or u2, scales [O, I/group], and optionally
   * zero points [O, I/group], both of x's dtype. x·((W − zero) · scale)ᵀ.
   */
  record QuantizedMatmul(long group) implements TensorOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.atLeast(this, inputs, 3);
      var x = inputs.getFirst();
      var weight = inputs.get(1);
      Expect.floats(this, inputs, x);
      Expect.that(
          inputs.size() <= 4
              && group > 0
              && x.rank() >= 1
              && weight.rank() == 2
              && weight.dtype().isInteger()
              && weight.dtype().bits() <= 8
              && weight.dim(1) == x.dim(-1)
              && weight.dim(1) % group == 0,
          this,
          inputs,
          () ->
              "x [.., I], an integer weight [O, I] of 8 bits or less, I a multiple of %d"
                  .formatted(group),
          "choose another group");
      var scales = x.with(Shape.of(weight.dim(0), weight.dim(1) / group));
      Expect.that(
          inputs.subList(2, inputs.size()).stream().allMatch(scales::equals),
          this,
          inputs,
          () -> "scales, and zero points, " + scales,
          "one for each group of a row");
      return List.of(x.with(x.shape().with(-1, weight.dim(0))));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var weight = inputs.get(1);
      var grouped = weight.shape().with(1, weight.dim(1) / group).append(group);
      var w = g.reshape(g.convert(weight, x.type().dtype()), grouped);
      if (inputs.size() == 4) w = g.sub(w, column(g, inputs.get(3)));
      w = g.reshape(g.mul(w, column(g, inputs.get(2))), weight.shape());
      var y = g.add(new Linear(LinearActivation.NONE), x, w);
      return List.of(g.convert(y, inputs.getFirst().type().dtype()));
    }

    private static Value column(GraphBuilder g, Value x) {
      return g.widen(g.reshape(x, x.shape().append(1)));
    }
  }

  /**
   * x·Wᵀ in integers of 8 bits: each row of x is rounded to multiples of a 127th of its largest
   * magnitude, the products are summed without rounding. Operands: x [.., I], weight i8 [O, I],
   * scales [O] of x's dtype. Each element of x is off by half a step at most; rows with NaN or
   * infinity have no meaningful result.
   */
  record DynamicQuantizedMatmul() implements TensorOp {
    private static final double MOST = 127;

    /** So that a row of zeros is a row of zeros. */
    private static final double TINY = 1e-30;

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 3);
      var x = inputs.getFirst();
      var weight = inputs.get(1);
      Expect.floats(this, inputs, x);
      Expect.that(
          x.rank() >= 1
              && weight.rank() == 2
              && weight.dtype() == DType.I8
              && weight.dim(1) == x.dim(-1)
              && x.dim(-1) > 0,
          this,
          inputs,
          "x [.., I] and weight i8 [O, I]",
          "quantise or transpose the weight");
      Expect.that(
          inputs.get(2).equals(x.with(Shape.of(weight.dim(0)))),
          this,
          inputs,
          () -> "scales " + x.with(Shape.of(weight.dim(0))),
          "one for each row of the weight");
      return List.of(x.with(x.shape().with(-1, weight.dim(0))));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      var weight = inputs.get(1);
      int last = x.rank() - 1;
      var magnitude = g.unary(UnaryKind.ABS, x);
      var largest = g.reduceKeep(ReduceKind.MAX, magnitude, List.of(last));
      var step = g.mul(g.max(largest, TINY), 1 / MOST);
      var multiples = g.unary(UnaryKind.ROUND_EVEN, g.div(x, step));
      var rounded = g.convert(multiples, DType.I8);
      var contraction =
          new Primitive.DotGeneral(List.of(), List.of(), List.of(last), List.of(1), DType.I32);
      var sums = g.convert(g.add(contraction, rounded, weight), x.type().dtype());
      var y = g.mul(g.mul(sums, step), g.widen(inputs.get(2)));
      return List.of(g.convert(y, inputs.getFirst().type().dtype()));
    }
  }

  /**
   * One step of AdamW (Loshchilov, Hutter, arXiv:1711.05101). Operands: parameter, gradient, first
   * and second moment, and the scalars learning rate and step, which counts from 1. Results: the
   * new parameter and moments.
   */
  record AdamwStep(double beta1, double beta2, double epsilon, double weightDecay)
      implements TensorOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 6);
      var parameter = inputs.getFirst();
      Expect.floats(this, inputs, parameter);
      Expect.sameTypes(this, inputs, inputs.subList(0, 4));
      Expect.that(
          inputs.subList(4, 6).stream().allMatch(parameter.with(Shape.scalar())::equals),
          this,
          inputs,
          "a scalar learning rate and step of the parameter's dtype",
          "convert them");
      return List.of(parameter, parameter, parameter);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var dtype = inputs.getFirst().type().dtype();
      var wide = inputs.stream().map(g::widen).toList();
      var parameter = wide.getFirst();
      var gradient = wide.get(1);
      var rate = wide.get(4);
      var step = wide.get(5);
      var first = g.add(g.mul(wide.get(2), beta1), g.mul(gradient, 1 - beta1));
      var square = g.mul(g.mul(gradient, gradient), 1 - beta2);
      var second = g.add(g.mul(wide.get(3), beta2), square);
      var stepSize = g.div(rate, correction(g, beta1, step));
      var root = g.unary(UnaryKind.SQRT, second);
      var scale = g.unary(UnaryKind.SQRT, correction(g, beta2, step));
      var denominator = g.add(g.div(root, scale), epsilon);
      var decayed = g.mul(parameter, g.sub(1, g.mul(rate, weightDecay)));
      var next = g.sub(decayed, g.div(g.mul(first, stepSize), denominator));
      return List.of(g.convert(next, dtype), g.convert(first, dtype), g.convert(second, dtype));
    }

    /** 1 − betaᵗ, without cancellation for small t. */
    private static Value correction(GraphBuilder g, double beta, Value step) {
      return g.neg(g.unary(UnaryKind.EXPM1, g.mul(step, Math.log(beta))));
    }
  }

  /** How a resize reads between elements. */
  enum ResizeMode {
    NEAREST,
    LINEAR,
    CUBIC;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** Where the centre of a result's element lies in the operand; named as in ONNX's Resize. */
  enum CoordinateMode {
    HALF_PIXEL,
    PYTORCH_HALF_PIXEL,
    ALIGN_CORNERS,
    ASYMMETRIC;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * x [N, C, spatial…] to spatial sizes {@code sizes}. Nearest rounds down where coordinates are
   * asymmetric, else to the nearest, halves up; cubic is Keys' with a = −0.75; positions outside
   * take the edge.
   */
  record Resize(Shape sizes, ResizeMode mode, CoordinateMode coordinates) implements TensorOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 1);
      var x = inputs.getFirst();
      Expect.floats(this, inputs, x);
      boolean fits = x.rank() == sizes.rank() + 2 && sizes.rank() > 0;
      Expect.that(fits, this, inputs, () -> "[N, C, spatial…] for sizes " + sizes, "add axes");
      var dims = new ArrayList<Long>(List.of(x.dim(0), x.dim(1)));
      for (int i = 0; i < sizes.rank(); i++) {
        Expect.that(
            x.dim(i + 2) > 0 || sizes.dim(i) == 0, this, inputs, "non-empty axes", "crop later");
        dims.add(sizes.dim(i));
      }
      return List.of(x.with(Shape.of(dims)));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = g.widen(inputs.getFirst());
      for (int i = 0; i < sizes.rank(); i++) {
        if (sizes.dim(i) != x.dim(i + 2)) x = resizeAxis(g, x, i + 2, sizes.dim(i));
      }
      return List.of(g.convert(x, inputs.getFirst().type().dtype()));
    }

    private Value resizeAxis(GraphBuilder g, Value x, int axis, long size) {
      var position = position(g, x.type().dtype(), x.dim(axis), size);
      if (mode == ResizeMode.NEAREST && coordinates != CoordinateMode.ASYMMETRIC) {
        return tap(g, x, axis, g.unary(UnaryKind.FLOOR, g.add(position, 0.5)), 0);
      }
      var floor = g.unary(UnaryKind.FLOOR, position);
      if (mode == ResizeMode.NEAREST) return tap(g, x, axis, floor, 0);
      var t = g.sub(position, floor);
      if (mode == ResizeMode.LINEAR) {
        var left = weigh(g, tap(g, x, axis, floor, 0), axis, g.sub(1, t));
        return g.add(left, weigh(g, tap(g, x, axis, floor, 1), axis, t));
      }
      var result = weigh(g, tap(g, x, axis, floor, -1), axis, far(g, g.add(t, 1)));
      result = g.add(result, weigh(g, tap(g, x, axis, floor, 0), axis, near(g, t)));
      result = g.add(result, weigh(g, tap(g, x, axis, floor, 1), axis, near(g, g.sub(1, t))));
      return g.add(result, weigh(g, tap(g, x, axis, floor, 2), axis, far(g, g.sub(2, t))));
    }

    private Value position(GraphBuilder g, DType dtype, long from, long to) {
      var index = g.iota(TensorType.of(dtype, to), 0);
      double ratio = (double) from / to;
      var centred = g.add(g.mul(g.add(index, 0.5), ratio), -0.5);
      return switch (coordinates) {
        case HALF_PIXEL -> centred;
        case PYTORCH_HALF_PIXEL -> to > 1 ? centred : g.zerosLike(index);
        case ALIGN_CORNERS -> g.mul(index, to > 1 ? (from - 1.0) / (to - 1) : 0);
        case ASYMMETRIC -> g.mul(index, ratio);
      };
    }

    /** The elements {@code offset} after {@code floor}, clamped to the edges. */
    private static Value tap(GraphBuilder g, Value x, int axis, Value floor, int offset) {
      var clamped = g.min(g.max(g.add(floor, offset), 0), x.dim(axis) - 1.0);
      return g.add(new Primitive.Gather(axis), x, g.convert(clamped, DType.I32));
    }

    private static Value weigh(GraphBuilder g, Value x, int axis, Value weight) {
      return g.mul(x, g.broadcastInDim(weight, x.shape(), List.of(axis)));
    }

    /** Keys' kernel for |d| ≤ 1: (a+2)d³ − (a+3)d² + 1. */
    private static Value near(GraphBuilder g, Value d) {
      return g.add(g.mul(g.mul(d, d), g.add(g.mul(d, 1.25), -2.25)), 1);
    }

    /** Keys' kernel for 1 < |d| < 2: a(d³ − 5d² + 8d − 4). */
    private static Value far(GraphBuilder g, Value d) {
      var inner = g.add(g.mul(d, g.add(g.mul(d, g.add(d, -5)), 8)), -4);
      return g.mul(inner, -0.75);
    }
  }
}
