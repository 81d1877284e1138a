package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * Random numbers as functions of a key, i32[2]: the same key, the same numbers, on every engine.
 * None of them has a gradient but dropout.
 */
public sealed interface RandomOp extends StandardComposite {
  TensorType KEY = TensorType.of(DType.I32, 2);

  /** 32 random bits for each element, as i32; those of JAX's {@code random.bits}. */
  record RandomBits(Shape shape) implements RandomOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      key(this, inputs, shape);
      return List.of(new TensorType(DType.I32, shape));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var threefry = new Threefry(g);
      var words = threefry.draw(inputs.getFirst(), shape);
      return List.of(threefry.xor(words.first(), words.second()));
    }
  }

  /** Operands: key and an i32 scalar. A key for each number; JAX's {@code random.fold_in}. */
  record FoldIn() implements RandomOp {
    /**
     * What it computes of a key and number that are on the host; a key is its words, high first.
     */
    public static long onHost(long key, int number) {
      return Threefry.hash(key, number & 0xffff_ffffL);
    }

    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      Expect.that(
          inputs.equals(List.of(KEY, TensorType.of(DType.I32))),
          this,
          inputs,
          "a key i32[2] and a number i32[]",
          "convert the number");
      return List.of(KEY);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var number = inputs.get(1);
      var words = new Threefry(g).hash(inputs.getFirst(), g.zerosLike(number), number);
      var one = Shape.of(1);
      return List.of(
          g.concatenate(0, List.of(g.reshape(words.first(), one), g.reshape(words.second(), one))));
    }
  }

  /** Uniform in [0, 1): every multiple of the dtype's epsilon is equally likely. */
  record RandomUniform(TensorType type) implements RandomOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      key(this, inputs, type.shape());
      Expect.floats(this, List.of(type), type);
      return List.of(type);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var threefry = new Threefry(g);
      var words = threefry.draw(inputs.getFirst(), type.shape());
      if (type.dtype() == DType.F64) return List.of(uniform64(threefry, g, words));
      var bits = threefry.xor(words.first(), words.second());
      return List.of(fraction(threefry, g, bits, type.dtype()));
    }

    /** The high bits of each word as a fraction of as many bits as the mantissa has. */
    static Value fraction(Threefry threefry, GraphBuilder g, Value bits, DType dtype) {
      double epsilon = dtype.format().epsilon();
      int mantissa = -Math.getExponent(epsilon);
      var high = threefry.shift(BinaryKind.SHIFT_RIGHT_LOGICAL, bits, 32 - mantissa);
      return g.mul(g.convert(high, dtype), epsilon);
    }

    /** 52 bits: all of the first word and the 20 high ones of the second. */
    private static Value uniform64(Threefry threefry, GraphBuilder g, Threefry.Words words) {
      var top = g.convert(half(threefry, words.first(), 16), DType.F64);
      var mask = g.scalar(DType.I32, 0xffffL);
      var middle = g.convert(g.binary(BinaryKind.AND, words.first(), mask), DType.F64);
      var low = g.convert(half(threefry, words.second(), 12), DType.F64);
      return g.add(g.add(g.mul(top, 0x1p-16), g.mul(middle, 0x1p-32)), g.mul(low, 0x1p-52));
    }

    private static Value half(Threefry threefry, Value word, int by) {
      return threefry.shift(BinaryKind.SHIFT_RIGHT_LOGICAL, word, by);
    }
  }

  /** Standard normal numbers, by Box and Muller's transform of the two words of each element. */
  record RandomNormal(TensorType type) implements RandomOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      key(this, inputs, type.shape());
      Expect.floats(this, List.of(type), type);
      return List.of(type);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var threefry = new Threefry(g);
      var words = threefry.draw(inputs.getFirst(), type.shape());
      var wide = type.dtype() == DType.F64 ? DType.F64 : DType.F32;
      var u = g.convert(RandomUniform.fraction(threefry, g, words.first(), DType.F32), wide);
      var angle = g.convert(RandomUniform.fraction(threefry, g, words.second(), DType.F32), wide);
      var radius = g.unary(UnaryKind.SQRT, g.mul(g.unary(UnaryKind.LOG1P, g.neg(u)), -2));
      var normal = g.mul(radius, g.unary(UnaryKind.COS, g.mul(angle, 2 * Math.PI)));
      return List.of(g.convert(normal, type.dtype()));
    }
  }

  /**
   * Operands: key and logits [.., C]. For each row a class, i32, with probability softmax(logits),
   * by the Gumbel-max trick.
   */
  record Categorical() implements RandomOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var logits = inputs.get(1);
      Expect.floats(this, inputs, logits);
      key(this, inputs.subList(0, 1), logits.shape());
      Expect.that(
          logits.rank() > 0 && logits.dim(-1) > 0, this, inputs, "logits [.., classes]", "reshape");
      return List.of(new TensorType(DType.I32, logits.shape().without(List.of(-1))));
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var logits = g.widen(inputs.get(1));
      var u = g.add(new RandomUniform(logits.type()), inputs.getFirst());
      // 1 − u is in (0, 1], so that no row is −∞ throughout.
      var gumbel = g.neg(g.log(g.neg(g.unary(UnaryKind.LOG1P, g.neg(u)))));
      var noisy = g.add(logits, gumbel);
      return List.of(
          g.add(new Primitive.ArgReduce(ArgKind.MAX, noisy.rank() - 1, DType.I32), noisy));
    }
  }

  /**
   * Operands: key and x. Zeroes each element with probability rate; scales the rest to keep the
   * mean.
   */
  record Dropout(double rate) implements RandomOp {
    @Override
    public List<TensorType> infer(List<TensorType> inputs) {
      Expect.count(this, inputs, 2);
      var x = inputs.get(1);
      key(this, inputs.subList(0, 1), x.shape());
      Expect.floats(this, inputs, x);
      Expect.that(
          0 <= rate && rate < 1, this, inputs, () -> "a rate in [0, 1), not " + rate, "set it");
      return List.of(x);
    }

    @Override
    public List<Value> expand(GraphBuilder g, List<Value> inputs) {
      var x = inputs.get(1);
      var u = g.add(new RandomUniform(x.type().with(DType.F32)), inputs.getFirst());
      var kept = g.compare(CompareKind.GE, u, rate);
      return List.of(g.select(kept, g.mul(x, 1 / (1 - rate)), g.zerosLike(x)));
    }
  }

  private static void key(Op op, List<TensorType> inputs, Shape shape) {
    Expect.that(
        inputs.equals(List.of(KEY)),
        op,
        inputs,
        "a key i32[2]",
        "make one with RandomKey.of(seed)");
    Expect.that(
        shape.size() < 1L << 32,
        op,
        inputs,
        () -> "fewer than 2^32 elements, not " + shape,
        "draw parts");
  }
}
