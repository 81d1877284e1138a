package dev.gamelan.ir;

import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A computation: inputs, nodes in topological order, outputs. Immutable; ids are dense, the inputs'
 * first, so that graphs built alike are equal. The hash is cached and equality flat, bodies of
 * control flow included.
 */
public final class Graph {
  private final List<Value> inputs;
  private final List<Node> nodes;
  private final List<Value> outputs;
  private final int hash;

  /** Only {@link GraphBuilder} numbers densely, so only it makes graphs. */
  Graph(List<Value> inputs, List<Node> nodes, List<Value> outputs) {
    this.inputs = List.copyOf(inputs);
    this.nodes = List.copyOf(nodes);
    this.outputs = List.copyOf(outputs);
    this.hash = Objects.hash(inputTypes(), this.nodes, this.outputs);
  }

  public List<Value> inputs() {
    return inputs;
  }

  public List<Node> nodes() {
    return nodes;
  }

  public List<Value> outputs() {
    return outputs;
  }

  public List<TensorType> inputTypes() {
    return inputs.stream().map(Value::type).toList();
  }

  public List<TensorType> outputTypes() {
    return outputs.stream().map(Value::type).toList();
  }

  /** The node that computes {@code value}, or null for an input. */
  public @Nullable Node producer(Value value) {
    return value.node() < inputs.size() ? null : nodes.get(value.node() - inputs.size());
  }

  /** Reads what {@link #toString} writes, with the standard ops. */
  public static Graph parse(String text) {
    return GraphParser.standard().parse(text);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other
        || (other instanceof Graph graph
            && hash == graph.hash
            && inputs.equals(graph.inputs)
            && nodes.equals(graph.nodes)
            && outputs.equals(graph.outputs));
  }

  @Override
  public int hashCode() {
    return hash;
  }

  @Override
  public String toString() {
    return GraphPrinter.print(this);
  }
}
