package dev.gamelan.tck;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Valid graphs of 5 to 50 ops, put together at random. Floats stay small, and nothing that jumps
 * (comparing, sorting) depends on them, so that engines may round differently and still agree.
 */
public final class RandomPrograms {
  private static final long MAX_SIZE = 400;

  private final SplittableRandom random;
  private final GraphBuilder g = new GraphBuilder();
  private final List<Value> floats = new ArrayList<>();
  private final List<Value> integers = new ArrayList<>();

  private RandomPrograms(SplittableRandom random) {
    this.random = random;
  }

  /** Takes f32 and i32 inputs in [-2, 2]; gives up to four of the values, the last one too. */
  public static Graph generate(SplittableRandom random) {
    return new RandomPrograms(random).generate();
  }

  private Graph generate() {
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      floats.add(g.input(new TensorType(DType.F32, shape())));
      integers.add(g.input(new TensorType(DType.I32, shape())));
    }
    int target = random.nextInt(5, 51);
    while (g.nodes().size() < target) step();
    var outputs = new ArrayList<Value>(List.of(floats.getLast(), integers.getLast()));
    outputs.add(pick(floats));
    outputs.add(pick(integers));
    return g.build(outputs);
  }

  private Shape shape() {
    var dims = new long[random.nextInt(4)];
    for (int i = 0; i < dims.length; i++)
      dims[i] = random.nextInt(8) == 0 ? 1 : random.nextInt(1, 6);
    return Shape.of(dims);
  }

  private Value pick(List<Value> values) {
    // Recent values more often, so that programs are deep.
    int back = Math.min(random.nextInt(values.size()), random.nextInt(values.size()));
    return values.get(values.size() - 1 - back);
  }

  private void step() {
    boolean integer = random.nextInt(3) == 0;
    var x = pick(integer ? integers : floats);
    var y = random.nextInt(4) == 0 ? movement(x) : integer ? integerStep(x) : floatStep(x);
    if (y.shape().size() > MAX_SIZE) return;
    if (y.type().dtype() == DType.F32) floats.add(y);
    else if (y.type().dtype() == DType.I32) integers.add(y);
  }

  private Value floatStep(Value x) {
    int rank = x.rank();
    int axis = rank == 0 ? 0 : random.nextInt(rank);
    return switch (random.nextInt(rank == 0 ? 8 : 16)) {
      case 0 -> g.tanh(x);
      case 1 -> g.unary(UnaryKind.SIN, x);
      case 2 -> g.neg(x);
      case 3 -> g.add(x, random.nextInt(-2, 3));
      case 4 -> g.tanh(g.mul(x, other(x)));
      case 5 -> g.binary(BinaryKind.SUB, x, other(x));
      case 6 -> g.logistic(x);
      case 7 -> g.add(new Activation.Gelu(random.nextBoolean()), g.tanh(x));
      case 8 -> g.tanh(g.sum(x, List.of(axis)));
      case 9 -> g.reduce(random.nextBoolean() ? ReduceKind.MAX : ReduceKind.MIN, x, List.of(axis));
      case 10 -> g.add(new SoftmaxOp.Softmax(axis), x);
      case 11 ->
          g.tanh(
              g.add(new Primitive.Cumulate(ReduceKind.SUM, axis, false, random.nextBoolean()), x));
      case 12 -> matmul(x);
      case 13 -> {
        var ones = g.fill(x.type().with(Shape.of(x.dim(-1))), 1);
        yield g.add(new Normalization.RmsNorm(0.1), x, ones);
      }
      case 14 -> g.add(new TensorOp.StopGradient(), x);
      default -> gather(x, axis);
    };
  }

  private Value integerStep(Value x) {
    int axis = x.rank() == 0 ? 0 : random.nextInt(x.rank());
    return switch (random.nextInt(x.rank() == 0 ? 6 : 10)) {
      case 0 -> g.add(x, random.nextInt(-2, 3));
      case 1 -> g.binary(BinaryKind.MUL, x, other(x));
      case 2 -> g.binary(BinaryKind.XOR, x, other(x));
      case 3 -> g.unary(UnaryKind.ABS, x);
      case 4 -> {
        var choice = g.compare(CompareKind.GT, x, other(x));
        yield g.select(choice, x, g.zerosLike(x));
      }
      case 5 -> {
        var small = g.binary(BinaryKind.REM, x, g.fill(x.type(), 7));
        floats.add(g.tanh(g.convert(small, DType.F32)));
        yield small;
      }
      case 6 -> g.sum(x, List.of(axis));
      case 7 -> g.addAll(new Primitive.Sort(axis, random.nextBoolean()), List.of(x)).getFirst();
      case 8 -> scatter(x, axis);
      default -> gather(x, axis);
    };
  }

  private Value movement(Value x) {
    var order = new ArrayList<>(x.shape().axes());
    for (int i = order.size() - 1; i > 0; i--) Collections.swap(order, i, random.nextInt(i + 1));
    if (x.rank() == 0) return g.broadcastTo(x, Shape.of(random.nextInt(1, 5)));
    int axis = random.nextInt(x.rank());
    return switch (random.nextInt(7)) {
      case 0 -> g.transpose(x, order);
      case 1 -> g.reshape(x, Shape.of(x.shape().size()));
      case 2 -> g.add(new Primitive.Reverse(List.of(axis)), x);
      case 3 -> g.slice(x, axis, random.nextLong(x.dim(axis)), x.dim(axis));
      case 4 -> g.concatenate(axis, List.of(x, x));
      case 5 -> {
        var low = new ArrayList<>(Collections.nCopies(x.rank(), 0L));
        low.set(axis, random.nextLong(3));
        var none = Collections.nCopies(x.rank(), 0L);
        var zero = g.scalar(x.type().dtype(), 0L);
        yield g.add(new Primitive.Pad(low, none, none), x, zero);
      }
      default -> g.broadcastTo(x, x.shape().insert(0, 2));
    };
  }

  /** A value that broadcasts with {@code x}: itself where none is found. */
  private Value other(Value x) {
    var pool = x.type().dtype() == DType.F32 ? floats : integers;
    for (int tries = 0; tries < 4; tries++) {
      var y = pick(pool);
      if (y.shape().equals(x.shape()) || y.rank() == 0) return y;
    }
    return x;
  }

  private Value matmul(Value x) {
    if (x.rank() < 2) return g.tanh(x);
    var product = g.matmul(x, g.transposeLast(x));
    return g.tanh(product);
  }

  /** Indices that were clamped into the axis. */
  private Value indices(long bound) {
    var index = pick(integers);
    var flat = g.reshape(index, Shape.of(index.shape().size()));
    return g.min(g.max(flat, 0), bound - 1.0);
  }

  private Value gather(Value x, int axis) {
    return g.add(new Primitive.Gather(axis), x, indices(x.dim(axis)));
  }

  private Value scatter(Value x, int axis) {
    var indices = indices(x.dim(axis));
    var updates = g.add(new Primitive.Gather(axis), x, indices);
    return g.add(new Primitive.Scatter(ScatterKind.ADD, axis), x, indices, updates);
  }
}
