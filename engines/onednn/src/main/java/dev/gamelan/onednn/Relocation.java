package dev.gamelan.onednn;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where the elements of a storage would lie in another one, axis by axis. All in bytes.
 *
 * @param axes from the one with the longest stride in {@code from} on, which has no gaps
 */
record Relocation(Storage from, Storage to, long offset, List<Axis> axes) {
  /**
   * @param stride in {@code from}
   * @param target stride in {@code to}
   */
  record Axis(long size, long stride, long target) {}

  Relocation {
    axes = List.copyOf(axes);
  }

  /**
   * Of a copy of all that {@code view} reads to {@code to}; empty where that is not each element of
   * {@code from} once.
   */
  static Optional<Relocation> of(View view, Storage from, Movement.Region to) {
    long bytes = view.base().type().dtype().bits() / 8;
    var axes = new ArrayList<Axis>();
    for (int axis = 0; axis < view.shape().rank(); axis++) {
      long size = view.shape().dim(axis);
      if (size == 1) continue;
      axes.add(new Axis(size, bytes * view.stride(axis), bytes * to.strides().get(axis)));
    }
    axes.sort(Comparator.comparingLong(Axis::stride).reversed());
    long inside = bytes;
    for (var axis : axes.reversed()) {
      if (axis.stride != inside) return Optional.empty();
      inside *= axis.size;
    }
    return view.offset() == 0 && inside == from.bytes
        ? Optional.of(new Relocation(from, to.storage(), bytes * to.offset(), axes))
        : Optional.empty();
  }

  /**
   * Where {@code matrix} would lie, its batch perhaps in more axes; empty where strides do not say
   * it, or its rows had gaps.
   */
  Optional<MatmulStep.Matrix> of(MatmulStep.Matrix matrix) {
    if (matrix.storage() != from) return Optional.empty();
    var index = new long[axes.size()];
    long start = offset;
    long rest = matrix.offset();
    for (int i = 0; i < index.length; i++) {
      index[i] = rest / axes.get(i).stride;
      rest %= axes.get(i).stride;
      start += index[i] * axes.get(i).target;
    }
    var dims = new ArrayList<Long>();
    var strides = new ArrayList<Long>();
    int rows = matrix.dims().size() - 2;
    for (int i = 0; i < matrix.dims().size(); i++) {
      var pieces = pieces(matrix.dims().get(i), matrix.strides().get(i), index);
      if (pieces.isEmpty() || (i >= rows && pieces.size() > 1)) return Optional.empty();
      for (var piece : pieces) {
        dims.add(piece.size);
        strides.add(piece.target);
      }
    }
    boolean dense = strides.getLast().equals(matrix.columnStride());
    return dense ? Optional.of(new MatmulStep.Matrix(to, start, dims, strides)) : Optional.empty();
  }

  /**
   * An axis of a matrix as parts of ours, the outermost first; none where it is not that.
   *
   * @param index where the matrix begins along each of ours
   */
  private List<Axis> pieces(long size, long stride, long[] index) {
    if (size == 1) return List.of(new Axis(1, stride, stride));
    int inner = 0;
    while (axes.get(inner).stride > stride) inner++;
    var axis = axes.get(inner);
    long step = stride / axis.stride;
    if (stride % axis.stride != 0) return List.of();
    long room = Math.ceilDiv(axis.size - index[inner], step);
    var piece = new Axis(Math.min(size, room), stride, step * axis.target);
    if (size <= room) return List.of(piece);
    boolean goesOn = index[inner] == 0 && axis.size % step == 0 && size % room == 0;
    var outer = goesOn ? pieces(size / room, stride * room, index) : List.<Axis>of();
    return outer.isEmpty() ? outer : Stream.concat(outer.stream(), Stream.of(piece)).toList();
  }
}
