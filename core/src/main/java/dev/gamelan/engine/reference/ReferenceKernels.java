package dev.gamelan.engine.reference;

import dev.gamelan.engine.EngineException;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What every op computes, on {@link Array}s: one page that dispatches to the kernels. */
public final class ReferenceKernels {
  private ReferenceKernels() {}

  /** The outputs of {@code graph}. Composites compute as they expand. */
  public static List<Array> run(Graph graph, List<Array> inputs) {
    var values = new Array[graph.inputs().size() + graph.nodes().size()][];
    var uses = new int[values.length];
    for (var node : graph.nodes()) for (var input : node.inputs()) uses[input.node()]++;
    for (var output : graph.outputs()) uses[output.node()]++;
    for (int i = 0; i < inputs.size(); i++) values[i] = new Array[] {inputs.get(i)};
    for (var node : graph.nodes()) {
      values[node.id()] = apply(node, operands(values, node.inputs())).toArray(Array[]::new);
      // What nothing reads any more is garbage.
      for (var input : node.inputs()) if (--uses[input.node()] == 0) values[input.node()] = null;
    }
    return operands(values, graph.outputs());
  }

  private static List<Array> operands(Array[][] values, List<Value> operands) {
    var arrays = new ArrayList<Array>(operands.size());
    for (var value : operands) arrays.add(values[value.node()][value.index()]);
    return arrays;
  }

  private static List<Array> apply(Node node, List<Array> inputs) {
    return apply(node.op(), inputs, node.results().stream().map(Value::type).toList());
  }

  /** The results of one op; {@code results} are its inferred types. */
  public static List<Array> apply(Op op, List<Array> inputs, List<TensorType> results) {
    return switch (op) {
      case Composite composite -> expanded(composite, inputs);
      case Primitive primitive -> primitive(primitive, inputs, results);
    };
  }

  private static List<Array> expanded(Composite op, List<Array> inputs) {
    var types = inputs.stream().map(Array::type).toList();
    return run(GraphBuilder.trace(types, op::expand), inputs);
  }

  private static List<Array> primitive(Primitive op, List<Array> inputs, List<TensorType> results) {
    // Only barriers and custom calls may have no result, and they do not look at it.
    var result = results.isEmpty() ? TensorType.of(DType.BOOL) : results.getFirst();
    return switch (op) {
      case Primitive.Scan scan -> scan(scan, inputs, results);
      case Primitive.While loop -> loop(loop, inputs);
      case Primitive.Cond cond -> {
        var branch = inputs.getFirst().integer() != 0 ? cond.onTrue() : cond.onFalse();
        yield run(branch, inputs.subList(1, inputs.size()));
      }
      case Primitive.Barrier barrier -> inputs;
      case Primitive.Sort sort -> Ordering.sort(inputs, sort.axis(), sort.descending());
      case Primitive.TopK top -> Ordering.topK(inputs.getFirst(), results, (int) top.k());
      case Primitive.CustomCall call ->
          throw new EngineException("the reference engine has no '%s'".formatted(call.target()));
      case Primitive.Constant constant -> one(Array.of(constant.literal()));
      case Primitive.Fill fill -> one(Array.filled(result, fill.value()));
      case Primitive.Iota iota -> one(Movement.iota(result, iota.axis()));
      case Primitive.Unary unary -> one(Pointwise.unary(unary.kind(), inputs.getFirst()));
      case Primitive.Binary binary ->
          one(Pointwise.binary(binary.kind(), inputs.getFirst(), inputs.get(1)));
      case Primitive.Compare compare ->
          one(Pointwise.compare(compare.kind(), inputs.getFirst(), inputs.get(1)));
      case Primitive.Select select ->
          one(Pointwise.select(inputs.getFirst(), inputs.get(1), inputs.get(2)));
      case Primitive.Convert convert ->
          one(Pointwise.convert(inputs.getFirst(), convert.to(), convert.saturate()));
      case Primitive.Bitcast bitcast -> one(Pointwise.bitcast(inputs.getFirst(), result));
      case Primitive.Reshape reshape -> one(inputs.getFirst().reshaped(reshape.shape()));
      case Primitive.Transpose transpose ->
          one(Movement.transpose(inputs.getFirst(), result, transpose.permutation()));
      case Primitive.BroadcastInDim broadcast ->
          one(Movement.broadcast(inputs.getFirst(), result, broadcast.axes()));
      case Primitive.Slice slice -> one(Movement.slice(inputs.getFirst(), result, slice));
      case Primitive.Pad pad -> one(Movement.pad(inputs.getFirst(), inputs.get(1), result, pad));
      case Primitive.Concatenate concatenate ->
          one(Movement.concatenate(inputs, result, concatenate.axis()));
      case Primitive.Reverse reverse -> one(Movement.reverse(inputs.getFirst(), reverse.axes()));
      case Primitive.DynamicSlice slice ->
          one(Movement.dynamicSlice(inputs.getFirst(), inputs.subList(1, inputs.size()), result));
      case Primitive.DynamicUpdateSlice update ->
          one(
              Movement.dynamicUpdateSlice(
                  inputs.getFirst(), inputs.get(1), inputs.subList(2, inputs.size())));
      case Primitive.Reduce reduce ->
          one(Reduction.reduce(inputs.getFirst(), result, reduce.kind(), reduce.axes()));
      case Primitive.ArgReduce reduce ->
          one(Reduction.argReduce(inputs.getFirst(), result, reduce.kind(), reduce.axis()));
      case Primitive.Cumulate cumulate -> one(Reduction.cumulate(inputs.getFirst(), cumulate));
      case Primitive.DotGeneral dot ->
          one(Contraction.dotGeneral(inputs.getFirst(), inputs.get(1), result, dot));
      case Primitive.Convolution convolution ->
          one(Contraction.convolution(inputs.getFirst(), inputs.get(1), result, convolution));
      case Primitive.ConvolutionInputGradient gradient ->
          one(Contraction.inputGradient(inputs.getFirst(), inputs.get(1), result, gradient));
      case Primitive.ConvolutionFilterGradient gradient ->
          one(Contraction.filterGradient(inputs.getFirst(), inputs.get(1), result, gradient));
      case Primitive.Pool pool -> one(Pooling.pool(inputs.getFirst(), result, pool));
      case Primitive.PoolGradient gradient ->
          one(Pooling.gradient(inputs.getFirst(), inputs.get(1), gradient));
      case Primitive.Gather gather ->
          one(Indexing.gather(inputs.getFirst(), inputs.get(1), result, gather.axis()));
      case Primitive.Scatter scatter ->
          one(
              Indexing.scatter(
                  inputs.getFirst(), inputs.get(1), inputs.get(2), scatter.kind(), scatter.axis()));
      case Primitive.GatherElements gather ->
          one(Indexing.gatherElements(inputs.getFirst(), inputs.get(1), result, gather.axis()));
      case Primitive.ScatterElements scatter ->
          one(
              Indexing.scatterElements(
                  inputs.getFirst(), inputs.get(1), inputs.get(2), scatter.kind(), scatter.axis()));
      case Primitive.Fft fft -> one(Spectral.fft(inputs.getFirst(), result, fft));
    };
  }

  private static List<Array> one(Array result) {
    return List.of(result);
  }

  private static List<Array> scan(
      Primitive.Scan scan, List<Array> inputs, List<TensorType> results) {
    int carries = scan.carries();
    int free = carries + scan.sequences();
    int length = Math.toIntExact(scan.length());
    var state = inputs.subList(0, carries);
    var stacked = new Array[results.size() - carries][length];
    for (int step = 0; step < length; step++) {
      int slice = scan.reverse() ? length - 1 - step : step;
      var operands = new ArrayList<>(state);
      for (var sequence : inputs.subList(carries, free))
        operands.add(Movement.row(sequence, slice));
      operands.addAll(inputs.subList(free, inputs.size()));
      var next = run(scan.body(), operands);
      state = next.subList(0, carries);
      for (int i = 0; i < stacked.length; i++) stacked[i][slice] = next.get(carries + i);
    }
    var all = new ArrayList<>(state);
    for (int i = 0; i < stacked.length; i++) {
      var type = results.get(carries + i);
      all.add(length == 0 ? Array.zeros(type) : Movement.stack(Arrays.asList(stacked[i]), type));
    }
    return all;
  }

  private static List<Array> loop(Primitive.While loop, List<Array> inputs) {
    var operands = new ArrayList<>(inputs);
    while (run(loop.condition(), operands).getFirst().integer() != 0) {
      var next = run(loop.body(), operands);
      for (int i = 0; i < next.size(); i++) operands.set(i, next.get(i));
    }
    return List.copyOf(operands.subList(0, loop.carries()));
  }
}
