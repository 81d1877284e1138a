package dev.gamelan.engine.reference;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Window;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * dot_general and the convolutions, all as products of two matrices: a convolution multiplies the
 * patches under its window with the filter.
 */
final class Contraction {
  private Contraction() {}

  static Array dotGeneral(Array a, Array b, TensorType result, Primitive.DotGeneral dot) {
    var left = a.type().shape();
    var right = b.type().shape();
    var leftFree = left.otherAxes(joined(dot.leftBatch(), dot.leftContracting()));
    var rightFree = right.otherAxes(joined(dot.rightBatch(), dot.rightContracting()));
    int batch = (int) left.select(dot.leftBatch()).size();
    int m = (int) left.select(leftFree).size();
    int n = (int) right.select(rightFree).size();
    int k = (int) left.select(dot.leftContracting()).size();
    var rows = arranged(a, joined(joined(dot.leftBatch(), leftFree), dot.leftContracting()));
    var columns = arranged(b, joined(joined(dot.rightBatch(), dot.rightContracting()), rightFree));
    return multiply(rows, columns, result, batch, m, k, n);
  }

  /** [batch, m, k] × [batch, k, n]. */
  private static Array multiply(
      Array a, Array b, TensorType result, int batch, int m, int k, int n) {
    if (!a.isFloat()) {
      var sums = new long[batch * m * n];
      var left = a.integers();
      var right = b.integers();
      for (int row = 0; row < batch * m; row++) {
        for (int i = 0; i < k; i++) {
          long x = left[row * k + i];
          int from = (row / m * k + i) * n;
          for (int j = 0; j < n; j++) sums[row * n + j] += x * right[from + j];
        }
      }
      return Array.wrapping(result, sums);
    }
    var sums = new double[batch * m * n];
    var left = a.floats();
    var right = b.floats();
    for (int row = 0; row < batch * m; row++) {
      for (int i = 0; i < k; i++) {
        addScaled(sums, row * n, left[row * k + i], right, (row / m * k + i) * n, n);
      }
    }
    return Array.rounding(result, sums);
  }

  private static void addScaled(double[] to, int at, double x, double[] from, int start, int n) {
    for (int j = 0; j < n; j++) to[at + j] += x * from[start + j];
  }

  private static Array arranged(Array x, List<Integer> permutation) {
    var shape = x.type().shape();
    if (permutation.equals(shape.axes())) return x;
    return Movement.transpose(x, x.type().with(shape.select(permutation)), permutation);
  }

  private static <T> List<T> joined(List<T> a, List<T> b) {
    var all = new ArrayList<>(a);
    all.addAll(b);
    return all;
  }

  /** Per group: patches [N·P, C/g·K] × filterᵀ [C/g·K, O/g]. */
  static Array convolution(Array x, Array filter, TensorType result, Primitive.Convolution op) {
    var patches =
        patches(x.type().shape(), filter.type().shape(), result.shape(), op.window(), op.groups());
    var sizes = new Sizes(result.shape(), filter.type().shape(), op.groups());
    var out = Array.zeros(result);
    for (int g = 0; g < op.groups(); g++) {
      var columns = sizes.filterOfGroup(filter, g);
      var matrix = TensorType.of(x.type().dtype(), sizes.positions, sizes.depth);
      var product =
          multiply(
              x.pick(matrix, patches.ofGroup(g), zero(x)),
              Movement.transpose(
                  columns,
                  columns.type().with(Shape.of(sizes.depth, sizes.outputs)),
                  List.of(1, 0)),
              TensorType.of(result.dtype(), sizes.positions, sizes.outputs),
              1,
              sizes.positions,
              sizes.depth,
              sizes.outputs);
      var to = sizes.resultOfGroup(g);
      for (int i = 0; i < to.length; i++) out.set(to[i], product, i);
    }
    return out;
  }

  /** Per group: gradient [N·P, O/g] × filter [O/g, C/g·K], added where the patches came from. */
  static Array inputGradient(
      Array gradient, Array filter, TensorType result, Primitive.ConvolutionInputGradient op) {
    var shape = gradient.type().shape();
    var patches = patches(op.input(), filter.type().shape(), shape, op.window(), op.groups());
    var sizes = new Sizes(shape, filter.type().shape(), op.groups());
    var sums = Array.zeros(result);
    for (int g = 0; g < op.groups(); g++) {
      var rows =
          gradient.pick(
              TensorType.of(gradient.type().dtype(), sizes.positions, sizes.outputs),
              sizes.resultOfGroup(g));
      // Kept unrounded until all patches are added.
      var wide = gradient.isFloat() ? dev.gamelan.type.DType.F64 : dev.gamelan.type.DType.I64;
      var product =
          multiply(
              rows,
              sizes.filterOfGroup(filter, g),
              TensorType.of(wide, sizes.positions, sizes.depth),
              1,
              sizes.positions,
              sizes.outputs,
              sizes.depth);
      var to = patches.ofGroup(g);
      for (int i = 0; i < to.length; i++) {
        if (to[i] < 0) continue;
        if (sums.isFloat()) sums.floats()[to[i]] += product.floats()[i];
        else sums.integers()[to[i]] += product.integers()[i];
      }
    }
    return sums.isFloat()
        ? Array.rounding(result, sums.floats())
        : Array.wrapping(result, sums.integers());
  }

  /** Per group: gradientᵀ [O/g, N·P] × patches [N·P, C/g·K]. */
  static Array filterGradient(
      Array x, Array gradient, TensorType result, Primitive.ConvolutionFilterGradient op) {
    var shape = gradient.type().shape();
    var patches = patches(x.type().shape(), op.filter(), shape, op.window(), op.groups());
    var sizes = new Sizes(shape, op.filter(), op.groups());
    var parts = new ArrayList<Array>();
    for (int g = 0; g < op.groups(); g++) {
      var rows =
          gradient.pick(
              TensorType.of(gradient.type().dtype(), sizes.positions, sizes.outputs),
              sizes.resultOfGroup(g));
      var transposed =
          Movement.transpose(
              rows, rows.type().with(Shape.of(sizes.outputs, sizes.positions)), List.of(1, 0));
      parts.add(
          multiply(
              transposed,
              x.pick(
                  TensorType.of(x.type().dtype(), sizes.positions, sizes.depth),
                  patches.ofGroup(g),
                  zero(x)),
              TensorType.of(result.dtype(), sizes.outputs, sizes.depth),
              1,
              sizes.outputs,
              sizes.positions,
              sizes.depth));
    }
    var stacked = TensorType.of(result.dtype(), sizes.outputs * op.groups(), sizes.depth);
    return Movement.concatenate(parts, stacked, 0).reshaped(result.shape());
  }

  private static Array zero(Array like) {
    return Array.zeros(like.type().with(Shape.of(1)));
  }

  private static Patches patches(Shape x, Shape filter, Shape result, Window window, long groups) {
    return new Patches(
        x, filter.range(2, filter.rank()), result.range(2, result.rank()), window, (int) groups);
  }

  /** The matrices' sizes for one group. */
  private static final class Sizes {
    final Shape result;
    final int positions;
    final int outputs;
    final int depth;

    Sizes(Shape result, Shape filter, long groups) {
      this.result = result;
      this.outputs = (int) (filter.dim(0) / groups);
      this.positions = (int) (result.dim(0) * result.range(2, result.rank()).size());
      this.depth = (int) filter.range(1, filter.rank()).size();
    }

    Array filterOfGroup(Array filter, int group) {
      var matrix = Shape.of(outputs, depth);
      return filter.pick(
          filter.type().with(matrix),
          Offsets.of(matrix, matrix.strides(), (long) group * outputs * depth));
    }

    /** Where element (n·P + p, o) of a group's matrix lies in [N, O, P]. */
    int[] resultOfGroup(int group) {
      long channels = result.dim(1);
      long area = result.range(2, result.rank()).size();
      return Offsets.of(
          Shape.of(result.dim(0), area, outputs),
          new long[] {channels * area, 1, area},
          (long) group * outputs * area);
    }
  }
}
