package dev.gamelan.ir;

import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * What is computed; the operands live in {@link Node}. Ops are records of immutable attributes, so
 * equal ops are the same computation.
 */
public sealed interface Op permits Primitive, Composite {
  /**
   * The types of the results for operands of these types.
   *
   * @throws ShapeException if the op does not take them
   */
  List<TensorType> infer(List<TensorType> inputs);

  /** The graphs that it holds, such as the body of a loop. */
  default List<Graph> bodies() {
    return List.of();
  }

  /** The same op holding other graphs, as many as {@link #bodies} gives. */
  default Op withBodies(List<Graph> bodies) {
    return this;
  }

  /** The name that the printer writes: the record's, in snake case. */
  default String name() {
    return Attributes.snakeCase(getClass());
  }
}
