package dev.gamelan.type;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** The sizes of a tensor's axes; rank 0 is a scalar. The only place with axis arithmetic. */
public final class Shape {
  private static final Shape SCALAR = new Shape(new long[0]);

  private final long[] dims;
  private final long size;

  private Shape(long[] dims) {
    this.dims = dims;
    long product = 1;
    for (long dim : dims) product *= dim;
    this.size = product;
  }

  /** A shape of these sizes, none negative, whose product fits a long. */
  public static Shape of(long... dims) {
    if (dims.length == 0) return SCALAR;
    long size = 1;
    for (long dim : dims) {
      if (dim < 0)
        throw new IllegalArgumentException("sizes must not be negative: " + Arrays.toString(dims));
      try {
        size = Math.multiplyExact(size, Math.max(dim, 1));
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException("too many elements: " + Arrays.toString(dims), e);
      }
    }
    return new Shape(dims.clone());
  }

  public static Shape of(Collection<Long> dims) {
    var array = new long[dims.size()];
    int i = 0;
    for (long dim : dims) array[i++] = dim;
    return of(array);
  }

  public static Shape scalar() {
    return SCALAR;
  }

  public int rank() {
    return dims.length;
  }

  /** The size of an axis; a negative axis counts from the end. */
  public long dim(int axis) {
    return dims[axis(axis)];
  }

  public long[] dims() {
    return dims.clone();
  }

  public List<Long> toList() {
    return LongStream.of(dims).boxed().toList();
  }

  /** The number of elements. */
  public long size() {
    return size;
  }

  /** {@code axis} counted from the front; a negative one counts from the end. */
  public int axis(int axis) {
    int fromFront = axis < 0 ? axis + dims.length : axis;
    if (fromFront < 0 || fromFront >= dims.length) {
      throw new IllegalArgumentException(
          "axis %d is outside of %s, which has rank %d".formatted(axis, this, dims.length));
    }
    return fromFront;
  }

  public List<Integer> axes(Collection<Integer> axes) {
    var result = new ArrayList<Integer>(axes.size());
    for (int axis : axes) result.add(axis(axis));
    return List.copyOf(result);
  }

  /** All axes, in order. */
  public List<Integer> axes() {
    return IntStream.range(0, dims.length).boxed().toList();
  }

  /** The axes that are not in {@code axes}, in order. */
  public List<Integer> otherAxes(Collection<Integer> axes) {
    var others = new ArrayList<Integer>(dims.length);
    for (int axis = 0; axis < dims.length; axis++) if (!axes.contains(axis)) others.add(axis);
    return List.copyOf(others);
  }

  /** Elements between neighbours along each axis, in row-major order. */
  public long[] strides() {
    var strides = new long[dims.length];
    long stride = 1;
    for (int i = dims.length - 1; i >= 0; i--) {
      strides[i] = stride;
      stride *= dims[i];
    }
    return strides;
  }

  /** The shape whose axis {@code i} is this one's {@code axes[i]}. */
  public Shape select(Collection<Integer> axes) {
    var selected = new long[axes.size()];
    int i = 0;
    for (int axis : axes) selected[i++] = dim(axis);
    return of(selected);
  }

  public Shape without(Collection<Integer> axes) {
    return select(otherAxes(axes(axes)));
  }

  public Shape with(int axis, long dim) {
    var changed = dims.clone();
    changed[axis(axis)] = dim;
    return of(changed);
  }

  /** With {@code axis} replaced by the axes of {@code replacement}. */
  public Shape splice(int axis, Shape replacement) {
    var spliced = new ArrayList<Long>(toList());
    spliced.remove(axis(axis));
    spliced.addAll(axis(axis), replacement.toList());
    return of(spliced);
  }

  /** With an axis of size {@code dim} before {@code axis}, which may be the rank. */
  public Shape insert(int axis, long dim) {
    var inserted = new ArrayList<Long>(toList());
    inserted.add(axis, dim);
    return of(inserted);
  }

  public Shape append(long... more) {
    return of(LongStream.concat(LongStream.of(dims), LongStream.of(more)).toArray());
  }

  /** The axes from {@code from} to {@code to}, exclusive. */
  public Shape range(int from, int to) {
    return of(Arrays.copyOfRange(dims, from, to));
  }

  @Override
  public boolean equals(Object other) {
    return this == other || (other instanceof Shape shape && Arrays.equals(dims, shape.dims));
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dims);
  }

  /** Such as {@code [2,3]}. */
  @Override
  public String toString() {
    return LongStream.of(dims).mapToObj(Long::toString).collect(Collectors.joining(",", "[", "]"));
  }
}
