package dev.gamelan.autodiff;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.FftKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The vector-Jacobian product of every primitive, on one page: from the gradients of a node's
 * results to those of its operands, empty where there is none (integers, or a function that is flat
 * wherever it is differentiable). Scan and cond are {@link ControlFlowVjp}'s.
 *
 * <p>At ties, maxima and minima share the gradient equally. Written after the adjoints in Griewank,
 * Walther, Evaluating Derivatives, 2nd edition, SIAM 2008.
 */
final class VjpRules {
  private final GraphBuilder g;

  VjpRules(GraphBuilder g) {
    this.g = g;
  }

  List<Optional<Value>> apply(Node node, List<Value> gradients) {
    var in = node.inputs();
    var none = Collections.nCopies(in.size(), Optional.<Value>empty());
    if (gradients.isEmpty()) return none;
    var d = gradients.getFirst();
    return switch (node.op()) {
      case Primitive.Constant c -> none;
      case Primitive.Fill f -> none;
      case Primitive.Iota i -> none;
      case Primitive.Unary unary -> unary(unary.kind(), in.getFirst(), node.result(), d);
      case Primitive.Binary binary ->
          binary(binary.kind(), in.getFirst(), in.get(1), node.result(), d);
      case Primitive.Compare c -> none;
      case Primitive.Select s -> {
        var zero = g.zerosLike(d);
        yield List.of(
            Optional.empty(),
            Optional.of(g.select(in.getFirst(), d, zero)),
            Optional.of(g.select(in.getFirst(), zero, d)));
      }
      case Primitive.Convert c -> only(g.convert(d, in.getFirst().type().dtype()));
      case Primitive.Bitcast b -> none;
      case Primitive.Reshape r -> only(g.reshape(d, in.getFirst().shape()));
      case Primitive.Transpose t -> only(g.transpose(d, inverse(t.permutation())));
      case Primitive.BroadcastInDim b -> only(unbroadcast(b, in.getFirst().shape(), d));
      case Primitive.Slice s -> only(unslice(s, in.getFirst(), d));
      case Primitive.Pad p -> pad(p, in.getFirst(), d);
      case Primitive.Concatenate c -> concatenate(c.axis(), in, d);
      case Primitive.Reverse r -> only(g.add(r, d));
      case Primitive.DynamicSlice s -> dynamicSlice(in, d);
      case Primitive.DynamicUpdateSlice s -> dynamicUpdateSlice(in, d);
      case Primitive.Reduce r -> reduce(r, in.getFirst(), node.result(), d);
      case Primitive.ArgReduce a -> none;
      case Primitive.Cumulate c -> only(cumulate(c, d));
      case Primitive.DotGeneral dot -> dotGeneral(dot, in.getFirst(), in.get(1), d);
      case Primitive.Convolution c -> convolution(c, in.getFirst(), in.get(1), d);
      case Primitive.ConvolutionInputGradient c ->
          convolutionInputGradient(c, in.getFirst(), in.get(1), d);
      case Primitive.ConvolutionFilterGradient c ->
          convolutionFilterGradient(c, in.getFirst(), in.get(1), d);
      case Primitive.Pool p ->
          only(
              g.add(
                  new Primitive.PoolGradient(p.kind(), p.size(), p.window(), p.countPadding()),
                  in.getFirst(),
                  d));
      case Primitive.PoolGradient p ->
          List.of(Optional.empty(), Optional.of(poolGradient(p, in.getFirst(), d)));
      case Primitive.Gather gather -> {
        var zero = g.zerosLike(in.getFirst());
        var add = new Primitive.Scatter(ScatterKind.ADD, gather.axis());
        yield List.of(Optional.of(g.add(add, zero, in.get(1), d)), Optional.empty());
      }
      case Primitive.GatherElements gather -> {
        var zero = g.zerosLike(in.getFirst());
        var add = new Primitive.ScatterElements(ScatterKind.ADD, gather.axis());
        yield List.of(Optional.of(g.add(add, zero, in.get(1), d)), Optional.empty());
      }
      case Primitive.Scatter s ->
          scatter(s.kind(), new Places(s.axis(), false, in.get(1)), node, d);
      case Primitive.ScatterElements s ->
          scatter(s.kind(), new Places(s.axis(), true, in.get(1)), node, d);
      case Primitive.Sort s -> sort(s, in, gradients);
      case Primitive.TopK t -> {
        int axis = in.getFirst().rank() - 1;
        var put = new Primitive.ScatterElements(ScatterKind.ADD, axis);
        yield only(g.add(put, g.zerosLike(in.getFirst()), node.results().get(1), d));
      }
      case Primitive.Fft f -> only(fft(f, in.getFirst(), d));
      case Primitive.Barrier b -> gradients.stream().map(Optional::of).toList();
      case Primitive.Scan s -> throw notHere(node);
      case Primitive.Cond c -> throw notHere(node);
      case Primitive.While w ->
          throw new IllegalArgumentException(
              "while has no reverse-mode gradient, since its length is not known; use scan with a"
                  + " bound on the length");
      case Primitive.CustomCall c ->
          throw new IllegalArgumentException(
              "custom_call '%s' has no gradient; wrap it in a composite with a vjp"
                  .formatted(c.target()));
      case Composite c -> throw notHere(node);
    };
  }

  // ---- pointwise

  private List<Optional<Value>> unary(UnaryKind kind, Value x, Value y, Value d) {
    return switch (kind) {
      case NEG -> only(g.neg(d));
      case ABS -> only(g.mul(d, g.unary(UnaryKind.SIGN, x)));
      case EXP -> only(g.mul(d, y));
      case EXPM1 -> only(g.mul(d, g.add(y, 1)));
      case LOG -> only(g.div(d, x));
      case LOG1P -> only(g.div(d, g.add(x, 1)));
      case SQRT -> only(g.div(g.mul(d, 0.5), y));
      case RSQRT -> only(g.mul(g.mul(d, -0.5), g.mul(y, g.mul(y, y))));
      case SIN -> only(g.mul(d, g.unary(UnaryKind.COS, x)));
      case COS -> only(g.neg(g.mul(d, g.unary(UnaryKind.SIN, x))));
      case TANH -> only(g.mul(d, g.sub(1, g.mul(y, y))));
      case LOGISTIC -> only(g.mul(d, g.mul(y, g.sub(1, y))));
      case ERF -> {
        var slope = g.mul(g.exp(g.neg(g.mul(x, x))), 2 / Math.sqrt(Math.PI));
        yield only(g.mul(d, slope));
      }
      case SIGN, FLOOR, CEIL, ROUND_EVEN, NOT, IS_FINITE -> List.of(Optional.empty());
    };
  }

  private List<Optional<Value>> binary(BinaryKind kind, Value a, Value b, Value y, Value d) {
    return switch (kind) {
      case ADD -> both(d, d);
      case SUB -> both(d, g.neg(d));
      case MUL -> both(g.mul(d, b), g.mul(d, a));
      case DIV -> both(g.div(d, b), g.neg(g.div(g.mul(d, y), b)));
      case REM -> {
        var quotient = g.div(g.sub(a, y), b);
        yield both(d, g.neg(g.mul(d, g.unary(UnaryKind.ROUND_EVEN, quotient))));
      }
      case POW -> {
        var power = g.binary(BinaryKind.POW, a, g.add(b, -1));
        // x⁰ is constant, also at 0, where b·a^(b−1) is 0·∞.
        var slope = g.select(g.compare(CompareKind.EQ, b, 0), g.zerosLike(b), g.mul(b, power));
        var flat = g.compare(CompareKind.EQ, a, 0);
        var logarithm = g.log(g.select(flat, g.fill(a.type(), 1), a));
        yield both(g.mul(d, slope), g.mul(d, g.mul(y, logarithm)));
      }
      case MAX -> shared(CompareKind.GT, a, b, d);
      case MIN -> shared(CompareKind.LT, a, b, d);
      case ATAN2 -> {
        var square = g.add(g.mul(a, a), g.mul(b, b));
        yield both(g.mul(d, g.div(b, square)), g.neg(g.mul(d, g.div(a, square))));
      }
      case AND, OR, XOR, SHIFT_LEFT, SHIFT_RIGHT_LOGICAL, SHIFT_RIGHT_ARITHMETIC ->
          List.of(Optional.empty(), Optional.empty());
    };
  }

  /** To the operand that wins, or half to each at a tie. */
  private List<Optional<Value>> shared(CompareKind wins, Value a, Value b, Value d) {
    var zero = g.zerosLike(d);
    var tie = g.select(g.compare(CompareKind.EQ, a, b), g.mul(d, 0.5), zero);
    return both(g.select(g.compare(wins, a, b), d, tie), g.select(g.compare(wins, b, a), d, tie));
  }

  // ---- movement

  private Value unbroadcast(Primitive.BroadcastInDim op, Shape shape, Value d) {
    var summed = new ArrayList<Integer>();
    for (int axis = 0; axis < d.rank(); axis++) {
      int from = op.axes().indexOf(axis);
      if (from < 0 || shape.dim(from) != d.dim(axis)) summed.add(axis);
    }
    // What is left is in the order of the result's axes; the operand's order may differ.
    var kept = op.axes().stream().filter(axis -> !summed.contains(axis)).toList();
    var sorted = kept.stream().sorted().toList();
    var sum = g.sum(d, summed);
    return g.reshape(g.transpose(sum, kept.stream().map(sorted::indexOf).toList()), shape);
  }

  private Value unslice(Primitive.Slice op, Value x, Value d) {
    var high = new ArrayList<Long>();
    var interior = op.strides().stream().map(stride -> stride - 1).toList();
    for (int axis = 0; axis < x.rank(); axis++) {
      long covered = d.dim(axis) + Math.max(d.dim(axis) - 1, 0) * interior.get(axis);
      high.add(x.dim(axis) - op.starts().get(axis) - covered);
    }
    return g.add(new Primitive.Pad(op.starts(), high, interior), d, zero(d));
  }

  private List<Optional<Value>> pad(Primitive.Pad op, Value x, Value d) {
    var none = Collections.nCopies(x.rank(), 0L);
    var uncropped =
        g.add(new Primitive.Pad(negated(op.low()), negated(op.high()), none), d, zero(d));
    var strides = op.interior().stream().map(interior -> interior + 1).toList();
    var dx = g.add(new Primitive.Slice(none, uncropped.shape().toList(), strides), uncropped);
    var padding = g.sub(g.sum(d, d.shape().axes()), g.sum(dx, dx.shape().axes()));
    return both(dx, padding);
  }

  private List<Optional<Value>> concatenate(int axis, List<Value> parts, Value d) {
    var gradients = new ArrayList<Optional<Value>>();
    long start = 0;
    for (var part : parts) {
      long limit = start + part.dim(axis);
      gradients.add(Optional.of(g.slice(d, axis, start, limit)));
      start = limit;
    }
    return gradients;
  }

  private List<Optional<Value>> dynamicSlice(List<Value> in, Value d) {
    var operands = new ArrayList<Value>(List.of(g.zerosLike(in.getFirst()), d));
    operands.addAll(in.subList(1, in.size()));
    var dx = g.addAll(new Primitive.DynamicUpdateSlice(), operands).getFirst();
    return withoutRest(in, only(dx));
  }

  private List<Optional<Value>> dynamicUpdateSlice(List<Value> in, Value d) {
    var starts = in.subList(2, in.size());
    var update = in.get(1);
    var erased = new ArrayList<Value>(List.of(d, g.zerosLike(update)));
    erased.addAll(starts);
    var dx = g.addAll(new Primitive.DynamicUpdateSlice(), erased).getFirst();
    var read = new ArrayList<Value>(List.of(d));
    read.addAll(starts);
    var dUpdate = g.addAll(new Primitive.DynamicSlice(update.shape()), read).getFirst();
    return withoutRest(in, both(dx, dUpdate));
  }

  // ---- reduction

  private List<Optional<Value>> reduce(Primitive.Reduce op, Value x, Value y, Value d) {
    var axes = op.axes();
    var kept = x.shape().otherAxes(axes);
    var spread = g.broadcastInDim(d, x.shape(), kept);
    return switch (op.kind()) {
      case SUM -> only(spread);
      case PROD -> only(g.mul(spread, productOfOthers(x, axes, kept)));
      case MAX, MIN -> {
        var chosen = g.compare(CompareKind.EQ, x, g.broadcastInDim(y, x.shape(), kept));
        var mask = g.convert(chosen, x.type().dtype());
        // Of nothing, none is chosen, and nothing is shared out.
        var share = g.div(d, g.max(g.sum(mask, axes), 1));
        yield only(g.mul(mask, g.broadcastInDim(share, x.shape(), kept)));
      }
      case AND, OR -> List.of(Optional.empty());
    };
  }

  /** For each element the product of the others, without a division, so that zeros are right. */
  private Value productOfOthers(Value x, List<Integer> axes, List<Integer> kept) {
    var order = new ArrayList<>(kept);
    order.addAll(axes);
    var moved = g.transpose(x, order);
    long size = x.shape().select(axes).size();
    var lines = g.reshape(moved, x.shape().select(kept).append(size));
    int axis = lines.rank() - 1;
    var before = g.add(new Primitive.Cumulate(ReduceKind.PROD, axis, true, false), lines);
    var after = g.add(new Primitive.Cumulate(ReduceKind.PROD, axis, true, true), lines);
    var others = g.reshape(g.mul(before, after), moved.shape());
    return g.transpose(others, inverse(order));
  }

  /** Of a sum; the other kinds are scans by the time they come here. */
  private Value cumulate(Primitive.Cumulate op, Value d) {
    return g.add(new Primitive.Cumulate(op.kind(), op.axis(), op.exclusive(), !op.reverse()), d);
  }

  // ---- contraction

  /**
   * d has axes batch, left free, right free. The left operand's gradient contracts d with the right
   * operand over the right free axes, and comes out as batch, left free, left contracting.
   */
  private List<Optional<Value>> dotGeneral(
      Primitive.DotGeneral op, Value left, Value right, Value d) {
    int batch = op.leftBatch().size();
    var leftFree = left.shape().otherAxes(joined(op.leftBatch(), op.leftContracting()));
    var rightFree = right.shape().otherAxes(joined(op.rightBatch(), op.rightContracting()));
    var batchAxes = range(0, batch);
    var leftAxes = range(batch, batch + leftFree.size());
    var rightAxes = range(batch + leftFree.size(), d.rank());
    var wideLeft = g.convert(left, op.result());
    var wideRight = g.convert(right, op.result());
    var dLeft =
        g.add(
            new Primitive.DotGeneral(batchAxes, op.rightBatch(), rightAxes, rightFree, op.result()),
            d,
            wideRight);
    // Contracting axes come in the order of the right operand's axes.
    var leftOrder =
        joined(
            joined(op.leftBatch(), leftFree), matched(op.rightContracting(), op.leftContracting()));
    var dRight =
        g.add(
            new Primitive.DotGeneral(batchAxes, op.leftBatch(), leftAxes, leftFree, op.result()),
            d,
            wideLeft);
    var rightOrder =
        joined(
            joined(op.rightBatch(), rightFree),
            matched(op.leftContracting(), op.rightContracting()));
    return both(
        g.convert(g.transpose(dLeft, inverse(leftOrder)), left.type().dtype()),
        g.convert(g.transpose(dRight, inverse(rightOrder)), right.type().dtype()));
  }

  /** {@code values} in the order that sorts {@code keys}. */
  private static List<Integer> matched(List<Integer> keys, List<Integer> values) {
    return IntStream.range(0, keys.size())
        .boxed()
        .sorted((a, b) -> Integer.compare(keys.get(a), keys.get(b)))
        .map(values::get)
        .toList();
  }

  private List<Optional<Value>> convolution(
      Primitive.Convolution op, Value x, Value filter, Value d) {
    return both(
        inputGradient(op.window(), op.groups(), x, d, filter),
        filterGradient(op.window(), op.groups(), filter, x, d));
  }

  /** Linear in both: the gradient of a convolution's input is itself a convolution's adjoint. */
  private List<Optional<Value>> convolutionInputGradient(
      Primitive.ConvolutionInputGradient op, Value gradient, Value filter, Value d) {
    return both(
        forward(op.window(), op.groups(), d, filter, gradient),
        filterGradient(op.window(), op.groups(), filter, d, gradient));
  }

  private List<Optional<Value>> convolutionFilterGradient(
      Primitive.ConvolutionFilterGradient op, Value x, Value gradient, Value d) {
    return both(
        inputGradient(op.window(), op.groups(), x, gradient, d),
        forward(op.window(), op.groups(), x, d, gradient));
  }

  private Value forward(Window window, long groups, Value x, Value filter, Value like) {
    var dtype = common(x, filter);
    var y =
        g.add(
            new Primitive.Convolution(window, groups, dtype),
            g.convert(x, dtype),
            g.convert(filter, dtype));
    return g.convert(y, like.type().dtype());
  }

  private Value inputGradient(Window window, long groups, Value x, Value gradient, Value filter) {
    var dtype = common(gradient, filter);
    var op = new Primitive.ConvolutionInputGradient(window, groups, x.shape(), dtype);
    var dx = g.add(op, g.convert(gradient, dtype), g.convert(filter, dtype));
    return g.convert(dx, x.type().dtype());
  }

  private Value filterGradient(Window window, long groups, Value filter, Value x, Value gradient) {
    var dtype = common(x, gradient);
    var op = new Primitive.ConvolutionFilterGradient(window, groups, filter.shape(), dtype);
    var dFilter = g.add(op, g.convert(x, dtype), g.convert(gradient, dtype));
    return g.convert(dFilter, filter.type().dtype());
  }

  /** The wider of two dtypes: a result may be f32 where the operands are 16 bits wide. */
  private static DType common(Value a, Value b) {
    return a.type().dtype().bits() >= b.type().dtype().bits() ? a.type().dtype() : b.type().dtype();
  }

  // ---- pool

  /** With respect to the result gradient, in which a pool's gradient is linear. */
  private Value poolGradient(Primitive.PoolGradient op, Value x, Value d) {
    if (op.kind() != PoolKind.MAX) {
      return g.add(new Primitive.Pool(op.kind(), op.size(), op.window(), op.countPadding()), d);
    }
    var lowest = g.scalar(x.type().dtype(), Double.NEGATIVE_INFINITY);
    var values = windows(op, x, lowest);
    int axis = values.rank() - 1;
    var first = g.add(new Primitive.ArgReduce(ArgKind.MAX, axis, DType.I32), values);
    var column = g.reshape(first, first.shape().append(1));
    var picked = g.add(new Primitive.GatherElements(axis), windows(op, d, zero(d)), column);
    return g.reshape(picked, first.shape());
  }

  /** [N, C, positions…, elements of the window]: a strided slice for each element. */
  private Value windows(Primitive.PoolGradient op, Value x, Value padding) {
    var window = op.window();
    var edge = List.of(0L, 0L);
    var padded =
        g.add(
            new Primitive.Pad(
                joined(edge, window.low()),
                joined(edge, window.high()),
                Collections.nCopies(x.rank(), 0L)),
            x,
            padding);
    var parts = new ArrayList<Value>();
    var sizes = op.size();
    var strides = sizes.strides();
    for (long element = 0; element < sizes.size(); element++) {
      var starts = new ArrayList<>(edge);
      var limits = new ArrayList<>(List.of(x.dim(0), x.dim(1)));
      for (int i = 0; i < sizes.rank(); i++) {
        long start = element / strides[i] % sizes.dim(i) * window.dilation().get(i);
        long positions = window.outputSize(i, x.dim(i + 2), sizes.dim(i));
        starts.add(start);
        limits.add(positions == 0 ? start : start + (positions - 1) * window.strides().get(i) + 1);
      }
      var part =
          g.add(
              new Primitive.Slice(starts, limits, joined(List.of(1L, 1L), window.strides())),
              padded);
      parts.add(g.reshape(part, part.shape().append(1)));
    }
    return g.concatenate(x.rank(), parts);
  }

  // ---- indexing

  /** Where a gather reads and a scatter writes, by rows or element by element. */
  private record Places(int axis, boolean elements, Value indices) {
    Value read(GraphBuilder g, Value x) {
      return elements
          ? g.add(new Primitive.GatherElements(axis), x, indices)
          : g.add(new Primitive.Gather(axis), x, indices);
    }

    Value write(GraphBuilder g, ScatterKind kind, Value x, Value updates) {
      return elements
          ? g.add(new Primitive.ScatterElements(kind, axis), x, indices, updates)
          : g.add(new Primitive.Scatter(kind, axis), x, indices, updates);
    }
  }

  private List<Optional<Value>> scatter(ScatterKind kind, Places at, Node node, Value d) {
    var x = node.inputs().getFirst();
    var updates = node.inputs().get(2);
    var y = node.result();
    var zero = g.zerosLike(d);
    return switch (kind) {
      case ADD -> updated(d, at.read(g, d));
      case SET -> {
        // Only the last of several updates of one element was kept.
        var number =
            g.reshape(g.iota(TensorType.of(DType.I32, updates.shape().size()), 0), updates.shape());
        var last = at.write(g, ScatterKind.SET, g.fill(x.type().with(DType.I32), -1), number);
        var kept = g.compare(CompareKind.EQ, at.read(g, last), number);
        var dUpdates = g.select(kept, at.read(g, d), g.zerosLike(updates));
        yield updated(at.write(g, ScatterKind.SET, d, g.zerosLike(updates)), dUpdates);
      }
      case MUL -> {
        var dx = at.write(g, ScatterKind.MUL, d, updates);
        yield updated(dx, g.mul(at.read(g, g.mul(d, x)), otherFactors(at, x, updates)));
      }
      case MAX, MIN -> {
        var dtype = x.type().dtype();
        var keeps = g.convert(g.compare(CompareKind.EQ, x, y), dtype);
        var wins = g.convert(g.compare(CompareKind.EQ, updates, at.read(g, y)), dtype);
        var count = g.add(keeps, at.write(g, ScatterKind.ADD, zero, wins));
        var share = g.div(d, count);
        yield updated(g.mul(share, keeps), g.mul(at.read(g, share), wins));
      }
    };
  }

  /** For each update the product of the others of its element, right also where some are 0. */
  private Value otherFactors(Places at, Value x, Value updates) {
    var isZero = g.compare(CompareKind.EQ, updates, 0);
    var one = g.fill(updates.type(), 1);
    var nonZero = g.select(isZero, one, updates);
    var product = at.read(g, at.write(g, ScatterKind.MUL, g.fill(x.type(), 1), nonZero));
    var flags = g.convert(isZero, updates.type().dtype());
    var zeros = at.read(g, at.write(g, ScatterKind.ADD, g.zerosLike(x), flags));
    var otherZeros = g.compare(CompareKind.GT, g.sub(zeros, flags), 0);
    return g.select(otherZeros, g.zerosLike(updates), g.div(product, nonZero));
  }

  private static List<Optional<Value>> updated(Value dx, Value dUpdates) {
    return List.of(Optional.of(dx), Optional.empty(), Optional.of(dUpdates));
  }

  // ---- order, spectral

  private List<Optional<Value>> sort(Primitive.Sort op, List<Value> in, List<Value> gradients) {
    var positions = g.iota(in.getFirst().type().with(DType.I32), op.axis());
    var from = g.addAll(op, List.of(in.getFirst(), positions)).get(1);
    var put = new Primitive.ScatterElements(ScatterKind.SET, op.axis());
    var result = new ArrayList<Optional<Value>>();
    for (int i = 0; i < in.size(); i++) {
      result.add(
          in.get(i).type().dtype().isFloat()
              ? Optional.of(g.add(put, g.zerosLike(in.get(i)), from, gradients.get(i)))
              : Optional.empty());
    }
    return result;
  }

  /** The adjoint of the transform as a real map; a real half-spectrum stands for its mirror too. */
  private Value fft(Primitive.Fft op, Value x, Value d) {
    long n = op.length();
    int axis = op.axis();
    return switch (op.kind()) {
      case FORWARD -> g.mul(g.add(new Primitive.Fft(FftKind.INVERSE, axis, n), d), (double) n);
      case INVERSE -> g.mul(g.add(new Primitive.Fft(FftKind.FORWARD, axis, n), d), 1.0 / n);
      case REAL_FORWARD -> {
        var high = new ArrayList<>(Collections.nCopies(d.rank(), 0L));
        high.set(axis, n - d.dim(axis));
        var none = Collections.nCopies(d.rank(), 0L);
        var full = g.add(new Primitive.Pad(none, high, none), d, zero(d));
        var time = g.mul(g.add(new Primitive.Fft(FftKind.INVERSE, axis, n), full), (double) n);
        yield g.reshape(g.slice(time, x.rank(), 0, 1), x.shape());
      }
      case REAL_INVERSE -> {
        var spectrum = g.add(new Primitive.Fft(FftKind.REAL_FORWARD, axis, n), d);
        var frequency = g.iota(x.type().with(DType.I32), axis);
        var middle = g.compare(CompareKind.EQ, frequency, n % 2 == 0 ? n / 2.0 : -1);
        var alone = g.binary(BinaryKind.OR, g.compare(CompareKind.EQ, frequency, 0), middle);
        var weight = g.select(alone, g.fill(x.type(), 1.0 / n), g.fill(x.type(), 2.0 / n));
        yield g.mul(spectrum, weight);
      }
    };
  }

  // ---- shared

  private Value zero(Value like) {
    return g.add(new Primitive.Fill(Scalar.of(like.type().dtype(), 0L), Shape.scalar()));
  }

  private static List<Optional<Value>> only(Value gradient) {
    return List.of(Optional.of(gradient));
  }

  private static List<Optional<Value>> both(Value first, Value second) {
    return List.of(Optional.of(first), Optional.of(second));
  }

  /** The gradients of the first operands; the rest, integers, have none. */
  private static List<Optional<Value>> withoutRest(List<Value> in, List<Optional<Value>> first) {
    var all = new ArrayList<>(first);
    while (all.size() < in.size()) all.add(Optional.empty());
    return all;
  }

  private static List<Integer> inverse(List<Integer> permutation) {
    return IntStream.range(0, permutation.size()).mapToObj(permutation::indexOf).toList();
  }

  private static List<Integer> range(int from, int to) {
    return IntStream.range(from, to).boxed().toList();
  }

  private static List<Long> negated(List<Long> values) {
    return values.stream().map(value -> -value).toList();
  }

  private static <T> List<T> joined(List<T> a, List<T> b) {
    var all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }

  private static IllegalStateException notHere(Node node) {
    return new IllegalStateException(node.op().name() + " is differentiated elsewhere");
  }
}
