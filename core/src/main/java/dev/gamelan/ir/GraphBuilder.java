package dev.gamelan.ir;

import dev.gamelan.type.Broadcasting;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/**
 * Builds a graph node by node; types are inferred, and wrong ones refused, as nodes are added.
 * Pointwise methods of two operands broadcast as NumPy does.
 */
public final class GraphBuilder {
  private final List<Value> inputs = new ArrayList<>();
  private final List<Node> nodes = new ArrayList<>();
  private int nextId;

  /** A graph of one function from inputs of these types to outputs. */
  public static Graph trace(
      List<TensorType> inputTypes, BiFunction<GraphBuilder, List<Value>, List<Value>> function) {
    var g = new GraphBuilder();
    var inputs = inputTypes.stream().map(g::input).toList();
    return g.build(function.apply(g, inputs));
  }

  public Value input(TensorType type) {
    var value = new Value(nextId++, 0, type);
    inputs.add(value);
    return value;
  }

  /** Appends an op of one result. */
  public Value add(Op op, Value... operands) {
    return addNode(op, List.of(operands)).result();
  }

  /** Appends an op of any number of results. */
  public List<Value> addAll(Op op, List<Value> operands) {
    return addNode(op, operands).results();
  }

  public Node addNode(Op op, List<Value> operands) {
    return append(op, operands, op.infer(types(operands)));
  }

  /**
   * Appends {@code op} in the place of a node of another graph. Its types are not inferred again
   * where they are known: the op is the node's, and so are the operands' types.
   */
  public Node addNode(Op op, List<Value> operands, Node inPlaceOf) {
    boolean known = op.equals(inPlaceOf.op()) && types(operands).equals(types(inPlaceOf.inputs()));
    return known ? append(op, operands, types(inPlaceOf.results())) : addNode(op, operands);
  }

  private Node append(Op op, List<Value> operands, List<TensorType> types) {
    var node = Node.of(nextId++, op, operands, types);
    nodes.add(node);
    return node;
  }

  private static List<TensorType> types(List<Value> values) {
    var types = new ArrayList<TensorType>(values.size());
    for (var value : values) types.add(value.type());
    return types;
  }

  /** The nodes so far; the list does not grow with the builder. */
  public List<Node> nodes() {
    return List.copyOf(nodes);
  }

  public List<Value> inputs() {
    return List.copyOf(inputs);
  }

  /** Appends the nodes of {@code graph} with its inputs replaced; gives its outputs. */
  public List<Value> inline(Graph graph, List<Value> arguments) {
    return copy(graph, arguments).outputs(graph);
  }

  /** As {@link #inline}, keeping the map from the graph's values to the new ones. */
  public Replacement copy(Graph graph, List<Value> arguments) {
    var replacement = new Replacement();
    for (int i = 0; i < arguments.size(); i++) {
      replacement.put(graph.inputs().get(i), arguments.get(i));
    }
    for (var node : graph.nodes()) {
      replacement.put(node, addNode(node.op(), replacement.get(node.inputs()), node).results());
    }
    return replacement;
  }

  /** The graph of all nodes so far, numbered densely, with these outputs. */
  public Graph build(List<Value> outputs) {
    boolean isDense = inputs.isEmpty() || inputs.getLast().node() == inputs.size() - 1;
    var graph = isDense ? numbered(outputs) : renumbered(outputs);
    assert GraphVerifier.verify(graph);
    return graph;
  }

  private Graph numbered(List<Value> outputs) {
    for (var output : outputs) {
      boolean known =
          output.node() < inputs.size()
              ? inputs.contains(output)
              : output.node() < nextId
                  && nodes.get(output.node() - inputs.size()).results().contains(output);
      if (!known) throw new IllegalArgumentException(output + " is of another graph");
    }
    return new Graph(inputs, nodes, outputs);
  }

  /** Where inputs were added between nodes. */
  private Graph renumbered(List<Value> outputs) {
    var renumbered = new Replacement();
    int id = 0;
    var denseInputs = new ArrayList<Value>();
    for (var input : inputs) {
      var dense = new Value(id++, 0, input.type());
      denseInputs.add(dense);
      renumbered.put(input, dense);
    }
    var denseNodes = new ArrayList<Node>();
    for (var node : nodes) {
      var dense = Node.of(id++, node.op(), renumbered.get(node.inputs()), types(node.results()));
      denseNodes.add(dense);
      renumbered.put(node, dense.results());
    }
    return new Graph(denseInputs, denseNodes, renumbered.get(outputs));
  }

  /** Which value of one graph stands for which of another. */
  public static final class Replacement {
    private final Map<Value, Value> values = new HashMap<>();

    public void put(Value from, Value to) {
      values.put(from, to);
    }

    public void put(Node from, List<Value> to) {
      for (int i = 0; i < to.size(); i++) values.put(from.results().get(i), to.get(i));
    }

    public Value get(Value from) {
      var to = values.get(from);
      if (to == null) throw new IllegalArgumentException(from + " is of another graph");
      return to;
    }

    public List<Value> get(List<Value> from) {
      var to = new ArrayList<Value>(from.size());
      for (var value : from) to.add(get(value));
      return to;
    }

    public boolean contains(Value from) {
      return values.containsKey(from);
    }

    public List<Value> outputs(Graph graph) {
      return get(graph.outputs());
    }
  }

  // ---- numbers

  public Value fill(TensorType type, double value) {
    return add(new Primitive.Fill(Scalar.of(type.dtype(), value), type.shape()));
  }

  public Value scalar(DType dtype, double value) {
    return fill(new TensorType(dtype, Shape.scalar()), value);
  }

  public Value scalar(DType dtype, long value) {
    return add(new Primitive.Fill(Scalar.of(dtype, value), Shape.scalar()));
  }

  public Value zerosLike(Value x) {
    return fill(x.type(), 0);
  }

  public Value iota(TensorType type, int axis) {
    return add(new Primitive.Iota(type, axis));
  }

  // ---- pointwise

  public Value unary(UnaryKind kind, Value x) {
    return add(new Primitive.Unary(kind), x);
  }

  public Value binary(BinaryKind kind, Value a, Value b) {
    var shape = Broadcasting.common(kind.toString(), a.shape(), b.shape());
    return add(new Primitive.Binary(kind), broadcastTo(a, shape), broadcastTo(b, shape));
  }

  public Value binary(BinaryKind kind, Value a, double b) {
    return add(new Primitive.Binary(kind), a, fill(a.type(), b));
  }

  public Value neg(Value x) {
    return unary(UnaryKind.NEG, x);
  }

  public Value exp(Value x) {
    return unary(UnaryKind.EXP, x);
  }

  public Value log(Value x) {
    return unary(UnaryKind.LOG, x);
  }

  public Value rsqrt(Value x) {
    return unary(UnaryKind.RSQRT, x);
  }

  public Value tanh(Value x) {
    return unary(UnaryKind.TANH, x);
  }

  public Value logistic(Value x) {
    return unary(UnaryKind.LOGISTIC, x);
  }

  public Value add(Value a, Value b) {
    return binary(BinaryKind.ADD, a, b);
  }

  public Value add(Value a, double b) {
    return binary(BinaryKind.ADD, a, b);
  }

  public Value sub(Value a, Value b) {
    return binary(BinaryKind.SUB, a, b);
  }

  public Value sub(double a, Value b) {
    return add(new Primitive.Binary(BinaryKind.SUB), fill(b.type(), a), b);
  }

  public Value mul(Value a, Value b) {
    return binary(BinaryKind.MUL, a, b);
  }

  public Value mul(Value a, double b) {
    return binary(BinaryKind.MUL, a, b);
  }

  public Value div(Value a, Value b) {
    return binary(BinaryKind.DIV, a, b);
  }

  public Value max(Value a, double b) {
    return binary(BinaryKind.MAX, a, b);
  }

  public Value min(Value a, double b) {
    return binary(BinaryKind.MIN, a, b);
  }

  public Value compare(CompareKind kind, Value a, Value b) {
    var shape = Broadcasting.common("compare", a.shape(), b.shape());
    return add(new Primitive.Compare(kind), broadcastTo(a, shape), broadcastTo(b, shape));
  }

  public Value compare(CompareKind kind, Value a, double b) {
    return add(new Primitive.Compare(kind), a, fill(a.type(), b));
  }

  public Value select(Value predicate, Value onTrue, Value onFalse) {
    var shape =
        Broadcasting.common(
            "select",
            predicate.shape(),
            Broadcasting.common("select", onTrue.shape(), onFalse.shape()));
    return add(
        new Primitive.Select(),
        broadcastTo(predicate, shape),
        broadcastTo(onTrue, shape),
        broadcastTo(onFalse, shape));
  }

  /** f16 and bf16 as f32, in which composites compute; anything else as it is. */
  public Value widen(Value x) {
    var dtype = x.type().dtype();
    return dtype == DType.F16 || dtype == DType.BF16 ? convert(x, DType.F32) : x;
  }

  public Value convert(Value x, DType to) {
    return x.type().dtype() == to ? x : add(new Primitive.Convert(to, false), x);
  }

  // ---- movement

  public Value reshape(Value x, Shape shape) {
    return x.shape().equals(shape) ? x : add(new Primitive.Reshape(shape), x);
  }

  public Value transpose(Value x, List<Integer> permutation) {
    return permutation.equals(x.shape().axes()) ? x : add(new Primitive.Transpose(permutation), x);
  }

  /** Swaps the last two axes. */
  public Value transposeLast(Value x) {
    var permutation = new ArrayList<>(x.shape().axes());
    Collections.swap(permutation, x.rank() - 2, x.rank() - 1);
    return transpose(x, permutation);
  }

  public Value broadcastTo(Value x, Shape shape) {
    if (x.shape().equals(shape)) return x;
    return broadcastInDim(x, shape, Broadcasting.trailingAxes(x.shape(), shape));
  }

  public Value broadcastInDim(Value x, Shape shape, List<Integer> axes) {
    return add(new Primitive.BroadcastInDim(shape, axes), x);
  }

  /** From {@code start} to {@code limit} along one axis. */
  public Value slice(Value x, int axis, long start, long limit) {
    return start == 0 && limit == x.dim(axis)
        ? x
        : add(Primitive.sliceAxis(x.shape(), x.shape().axis(axis), start, limit), x);
  }

  public Value concatenate(int axis, List<Value> parts) {
    return parts.size() == 1
        ? parts.getFirst()
        : addAll(new Primitive.Concatenate(axis), parts).getFirst();
  }

  // ---- reduction

  public Value reduce(ReduceKind kind, Value x, List<Integer> axes) {
    return axes.isEmpty() ? x : add(new Primitive.Reduce(kind, axes), x);
  }

  public Value sum(Value x, List<Integer> axes) {
    return reduce(ReduceKind.SUM, x, axes);
  }

  /** A reduction that keeps the reduced axes with size 1. */
  public Value reduceKeep(ReduceKind kind, Value x, List<Integer> axes) {
    return keepAxes(reduce(kind, x, axes), x.shape(), axes);
  }

  public Value meanKeep(Value x, List<Integer> axes) {
    double count = x.shape().select(axes).size();
    return mul(reduceKeep(ReduceKind.SUM, x, axes), 1 / count);
  }

  /** Puts back, with size 1, the {@code axes} of {@code original} that a reduction dropped. */
  public Value keepAxes(Value reduced, Shape original, List<Integer> axes) {
    var shape = original;
    for (int axis : axes) shape = shape.with(axis, 1);
    return reshape(reduced, shape);
  }

  /** Sums what a broadcast repeated, so that the result has {@code shape} again. */
  public Value sumTo(Value x, Shape shape) {
    if (x.shape().equals(shape)) return x;
    return reshape(sum(x, Broadcasting.stretchedAxes(shape, x.shape())), shape);
  }

  // ---- contraction

  /** [.., m, k] × [.., k, n], with equal leading axes, or none on the right. */
  public Value matmul(Value a, Value b) {
    int batch = b.rank() - 2;
    var batchAxes = IntStream.range(0, batch).boxed().toList();
    return add(
        new Primitive.DotGeneral(
            batchAxes, batchAxes, List.of(a.rank() - 1), List.of(batch), a.type().dtype()),
        a,
        b);
  }
}
