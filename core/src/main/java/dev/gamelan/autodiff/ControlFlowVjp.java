package dev.gamelan.autodiff;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The vector-Jacobian products of scan and cond. A scan that is differentiated also stacks its
 * carries; the way back is a scan in the other direction that recomputes each step from them.
 */
final class ControlFlowVjp {
  private final GraphBuilder g;

  ControlFlowVjp(GraphBuilder g) {
    this.g = g;
  }

  /** {@code scan} with the carries that each step begins with as further stacked results. */
  static Primitive.Scan keepingCarries(Primitive.Scan scan) {
    var body =
        GraphBuilder.trace(
            scan.body().inputTypes(),
            (b, inputs) -> {
              var outputs = new ArrayList<>(b.inline(scan.body(), inputs));
              outputs.addAll(inputs.subList(0, scan.carries()));
              return outputs;
            });
    return new Primitive.Scan(
        body, scan.length(), scan.carries(), scan.sequences(), scan.reverse());
  }

  /**
   * Carries of the way back: the gradients of the floating-point carries, then sums for the free
   * values. Sequences: the kept carries, the sequences, the gradients of the stacked results.
   */
  List<Optional<Value>> scan(
      Primitive.Scan scan, Node node, List<Boolean> live, List<Value> resultGradients) {
    int carries = scan.carries();
    int sequencesEnd = carries + scan.sequences();
    int kept = node.results().size() - carries;
    var inputs = node.inputs();
    var floatCarries = range(0, carries).stream().filter(i -> isFloat(inputs.get(i))).toList();
    var liveSequences = range(carries, sequencesEnd).stream().filter(live::get).toList();
    var liveFree = range(sequencesEnd, inputs.size()).stream().filter(live::get).toList();
    var stackedFloats =
        range(carries, kept).stream().filter(i -> isFloat(node.results().get(i))).toList();

    var parameters = new ArrayList<>(floatCarries);
    parameters.addAll(liveSequences);
    parameters.addAll(liveFree);
    // The kept carries are outputs of the body too; their own gradients are added to the step's.
    var step = ReverseMode.vjp(scan.body(), parameters);

    var operands = new ArrayList<Value>();
    floatCarries.forEach(i -> operands.add(resultGradients.get(i)));
    liveFree.forEach(i -> operands.add(g.zerosLike(inputs.get(i))));
    int backCarries = operands.size();
    operands.addAll(node.results().subList(kept, node.results().size()));
    operands.addAll(inputs.subList(carries, sequencesEnd));
    stackedFloats.forEach(i -> operands.add(resultGradients.get(i)));
    floatCarries.forEach(i -> operands.add(resultGradients.get(kept + i)));
    int backSequences = operands.size() - backCarries;
    operands.addAll(inputs.subList(sequencesEnd, inputs.size()));

    var types = new ArrayList<>(operands.stream().map(Value::type).toList());
    for (int i = backCarries; i < backCarries + backSequences; i++) {
      types.set(i, types.get(i).with(types.get(i).shape().without(List.of(0))));
    }
    var body =
        GraphBuilder.trace(
            types,
            (b, values) -> {
              var carryGradients = values.subList(0, floatCarries.size());
              var sums = values.subList(floatCarries.size(), backCarries);
              int at = backCarries;
              var arguments = new ArrayList<Value>();
              arguments.addAll(values.subList(at, at + sequencesEnd));
              at += sequencesEnd;
              arguments.addAll(values.subList(backCarries + backSequences, values.size()));
              // As many as the body has floating-point outputs: carries, stacked, kept carries.
              arguments.addAll(carryGradients);
              arguments.addAll(values.subList(at, backCarries + backSequences));
              var gradients = b.inline(step, arguments);
              var outputs = new ArrayList<>(gradients.subList(0, floatCarries.size()));
              int free = floatCarries.size() + liveSequences.size();
              for (int i = 0; i < sums.size(); i++) {
                outputs.add(b.add(sums.get(i), gradients.get(free + i)));
              }
              outputs.addAll(gradients.subList(floatCarries.size(), free));
              return outputs;
            });
    var back =
        g.addAll(
            new Primitive.Scan(body, scan.length(), backCarries, backSequences, !scan.reverse()),
            operands);

    var all = new ArrayList<>(Collections.nCopies(inputs.size(), Optional.<Value>empty()));
    int next = 0;
    for (int i : floatCarries) all.set(i, Optional.of(back.get(next++)));
    for (int i : liveFree) all.set(i, Optional.of(back.get(next++)));
    for (int i : liveSequences) all.set(i, Optional.of(back.get(next++)));
    return all;
  }

  /** The branch that was taken is recomputed. */
  List<Optional<Value>> cond(
      Primitive.Cond cond, Node node, List<Boolean> live, List<Value> resultGradients) {
    var operands = node.inputs().subList(1, node.inputs().size());
    var parameters = range(0, operands.size()).stream().filter(i -> live.get(i + 1)).toList();
    var all = new ArrayList<>(node.inputs());
    for (int i = 0; i < node.results().size(); i++) {
      if (isFloat(node.results().get(i))) all.add(resultGradients.get(i));
    }
    Graph onTrue = ReverseMode.vjp(cond.onTrue(), parameters);
    Graph onFalse = ReverseMode.vjp(cond.onFalse(), parameters);
    var back = g.addAll(new Primitive.Cond(onTrue, onFalse), all);
    var gradients =
        new ArrayList<>(Collections.nCopies(node.inputs().size(), Optional.<Value>empty()));
    for (int i = 0; i < parameters.size(); i++) {
      gradients.set(parameters.get(i) + 1, Optional.of(back.get(i)));
    }
    return gradients;
  }

  /** A running product, maximum or minimum as a scan, whose gradient is known. */
  static Value cumulateAsScan(GraphBuilder g, Primitive.Cumulate op, Value x) {
    var order = new ArrayList<>(List.of(op.axis()));
    order.addAll(x.shape().otherAxes(order));
    var moved = g.transpose(x, order);
    var slice = moved.type().with(moved.shape().without(List.of(0)));
    var kind = op.kind().combine();
    var body =
        GraphBuilder.trace(
            List.of(slice, slice),
            (b, in) -> {
              var next = b.binary(kind, in.getFirst(), in.get(1));
              return List.of(next, op.exclusive() ? in.getFirst() : next);
            });
    var start = g.add(new Primitive.Fill(op.kind().identity(slice.dtype()), slice.shape()));
    var scan = new Primitive.Scan(body, moved.dim(0), 1, 1, op.reverse());
    var stacked = g.addAll(scan, List.of(start, moved)).get(1);
    var back = new ArrayList<Integer>();
    for (int axis = 0; axis < order.size(); axis++) back.add(order.indexOf(axis));
    return g.transpose(stacked, back);
  }

  private static boolean isFloat(Value value) {
    return value.type().dtype().isFloat();
  }

  private static List<Integer> range(int from, int to) {
    return IntStream.range(from, to).boxed().toList();
  }
}
