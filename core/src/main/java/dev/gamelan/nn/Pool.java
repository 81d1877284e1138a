package dev.gamelan.nn;

import dev.gamelan.ir.PoolKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.Shape;
import java.util.Arrays;
import java.util.List;

/** The maximum or average of windows of [N, C, spatial…], with 1 to 3 spatial axes. */
public final class Pool extends UnaryLayer {
  /**
   * The same on every spatial axis.
   *
   * @param countPadding an average divides by the whole window, padding included
   */
  public record Options(long stride, long padding, long dilation, boolean countPadding) {
    public Options withPadding(long other) {
      return new Options(stride, other, dilation, countPadding);
    }

    public Options withDilation(long other) {
      return new Options(stride, padding, other, countPadding);
    }

    public Options withCountPadding(boolean other) {
      return new Options(stride, padding, dilation, other);
    }

    /** No padding, and an average that leaves it out. */
    public static Options ofStride(long stride) {
      return new Options(stride, 0, 1, false);
    }
  }

  private final PoolKind kind;
  private final long size;
  private final Options options;

  private Pool(PoolKind kind, long size, Options options) {
    this.kind = kind;
    this.size = size;
    this.options = options;
  }

  /** Windows side by side. */
  public static Pool max(long size) {
    return max(size, Options.ofStride(size));
  }

  public static Pool max(long size, Options options) {
    return new Pool(PoolKind.MAX, size, options);
  }

  /** Windows side by side. */
  public static Pool average(long size) {
    return average(size, Options.ofStride(size));
  }

  public static Pool average(long size, Options options) {
    return new Pool(PoolKind.AVERAGE, size, options);
  }

  @Override
  public Tensor forward(Tensor x) {
    int spatial = Math.max(x.rank() - 2, 1);
    var sizes = new long[spatial];
    Arrays.fill(sizes, size);
    var window = Filters.window(spatial, options.stride(), options.padding(), options.dilation());
    var op = new Primitive.Pool(kind, Shape.of(sizes), window, options.countPadding());
    return Tensor.apply(op, List.of(x));
  }
}
