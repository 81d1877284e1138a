package dev.gamelan.mxnet;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Arrays that a run made: those that it does not give away are freed at its end. */
final class Owned implements AutoCloseable {
  private final Set<Array> arrays = new HashSet<>();

  Array add(Array array) {
    arrays.add(array);
    return array;
  }

  List<Array> add(List<Array> made) {
    arrays.addAll(made);
    return made;
  }

  /** Before the end; what is another's stays. */
  void free(Array array) {
    if (arrays.remove(array)) array.free();
  }

  void free(List<Array> made) {
    made.forEach(this::free);
  }

  /** The caller's from now on; false if it was not owned. */
  boolean give(Array array) {
    return arrays.remove(array);
  }

  List<Array> give(List<Array> made) {
    made.forEach(this::give);
    return made;
  }

  @Override
  public void close() {
    arrays.forEach(Array::free);
  }
}
