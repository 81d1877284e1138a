package dev.gamelan.engine.reference;

import dev.gamelan.type.Shape;
import java.util.Iterator;

/** The lines of a tensor along one axis, in row-major order of the other axes. */
record Lines(Shape shape, int axis) implements Iterable<Lines.Line> {
  /** Element i of the line is at start + i·stride. */
  record Line(int start, int stride, int length) {
    int at(int index) {
      return start + index * stride;
    }
  }

  static Lines along(Shape shape, int axis) {
    return new Lines(shape, axis);
  }

  @Override
  public Iterator<Line> iterator() {
    int length = (int) shape.dim(axis);
    int stride = (int) shape.strides()[axis];
    int count = length == 0 ? 0 : (int) (shape.size() / length);
    return new Iterator<>() {
      private int next;

      @Override
      public boolean hasNext() {
        return next < count;
      }

      @Override
      public Line next() {
        int start = next / stride * stride * length + next % stride;
        next++;
        return new Line(start, stride, length);
      }
    };
  }
}
