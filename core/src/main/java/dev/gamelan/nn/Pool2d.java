package dev.gamelan.nn;

import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.Shape;
import java.util.List;

/** The maximum or average of windows of [N, C, H, W]; without padding. */
public final class Pool2d extends UnaryLayer {
  private final Primitive.Pool op;

  private Pool2d(PoolKind kind, long size, long stride) {
    this.op = new Primitive.Pool(kind, Shape.of(size, size), Window.uniform(2, stride, 0), false);
  }

  public static Pool2d max(long size, long stride) {
    return new Pool2d(PoolKind.MAX, size, stride);
  }

  public static Pool2d average(long size, long stride) {
    return new Pool2d(PoolKind.AVERAGE, size, stride);
  }

  @Override
  public Tensor forward(Tensor x) {
    return Tensor.apply(op, List.of(x));
  }
}
