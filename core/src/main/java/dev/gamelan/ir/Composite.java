package dev.gamelan.ir;

import java.util.List;
import java.util.Optional;

/**
 * An op defined by a graph of other ops. Engines that have a kernel for it keep it; for the others
 * it is expanded before they compile. Anyone may add one: a public record.
 */
public non-sealed interface Composite extends Op {
  /** Appends the computation of the results to {@code g}. */
  List<Value> expand(GraphBuilder g, List<Value> inputs);

  /**
   * The gradients of the floating-point inputs, in order, where a fused backward pays; empty to
   * differentiate the expansion instead.
   */
  default Optional<List<Value>> vjp(
      GraphBuilder g, List<Value> inputs, List<Value> results, List<Value> resultGradients) {
    return Optional.empty();
  }
}
