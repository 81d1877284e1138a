package dev.gamelan.tensorflow;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.stablehlo.StableHloPrinter;
import dev.gamelan.type.TensorType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Writes a graph as ops of TensorFlow's; what {@link Support} does not take, as calls of XLA. */
final class GraphLowering {
  private final GraphWriter graph;
  private final Writer writer;
  private final Pointwise pointwise;
  private final Movement movement;
  private final Reductions reductions;
  private final Contractions contractions;
  private final Windows windows;
  private final Indexing indexing;
  private final Map<Value, Term> terms = new HashMap<>();

  private GraphLowering(GraphWriter graph) {
    this.graph = graph;
    this.writer = new Writer(graph);
    this.pointwise = new Pointwise(writer);
    this.movement = new Movement(writer);
    this.reductions = new Reductions(writer);
    this.contractions = new Contractions(writer);
    this.windows = new Windows(writer);
    this.indexing = new Indexing(writer);
  }

  /** The nodes of the program's outputs. */
  static List<String> lower(Graph program, GraphWriter graph, List<String> inputs) {
    var lowering = new GraphLowering(graph);
    for (int i = 0; i < inputs.size(); i++) {
      var input = program.inputs().get(i);
      lowering.terms.put(input, Term.of(inputs.get(i), input.type()));
    }
    for (var node : program.nodes()) lowering.lower(node);
    return program.outputs().stream().map(value -> lowering.output(value, inputs)).toList();
  }

  /** What is fed can't be fetched. */
  private String output(Value value, List<String> inputs) {
    var node = writer.whole(term(value));
    return inputs.contains(node) ? writer.op("Identity", value.type().dtype(), node) : node;
  }

  private Term term(Value value) {
    var term = terms.get(value);
    if (term == null) throw new IllegalStateException(value + " is of another graph");
    return term;
  }

  private void lower(Node node) {
    var operands = node.inputs().stream().map(this::term).toList();
    if (!Support.takes(node)) {
      callXla(node, operands);
    } else {
      terms.put(node.result(), lower((Primitive) node.op(), operands, node.result().type()));
    }
  }

  private void callXla(Node node, List<Term> operands) {
    var g = new GraphBuilder();
    var inputs = node.inputs().stream().map(value -> g.input(value.type())).toList();
    var alone = g.build(g.addAll(node.op(), inputs));
    var results =
        XlaCall.add(
            graph,
            StableHloPrinter.print(alone),
            operands.stream().map(writer::whole).toList(),
            alone.inputTypes(),
            alone.outputTypes());
    for (int i = 0; i < results.size(); i++) {
      var result = node.results().get(i);
      terms.put(result, Term.of(results.get(i), result.type()));
    }
  }

  private Term lower(Primitive op, List<Term> x, TensorType type) {
    return switch (op) {
      case Primitive.Constant constant -> constant(constant.literal());
      case Primitive.Fill fill -> Term.number(fill.value(), type);
      case Primitive.Iota iota -> movement.iota(type, iota.axis());
      case Primitive.Unary unary -> pointwise.unary(unary.kind(), x.getFirst(), type);
      case Primitive.Binary binary -> pointwise.binary(binary.kind(), x.get(0), x.get(1));
      case Primitive.Compare compare -> pointwise.compare(compare.kind(), x.get(0), x.get(1));
      case Primitive.Select _ -> pointwise.select(x.get(0), x.get(1), x.get(2));
      case Primitive.Convert convert -> pointwise.convert(x.getFirst(), convert.to());
      case Primitive.Bitcast bitcast -> pointwise.bitcast(x.getFirst(), bitcast.to());
      case Primitive.Reshape _ -> movement.reshape(x.getFirst(), type);
      case Primitive.Transpose transpose ->
          movement.transpose(x.getFirst(), transpose.permutation(), type);
      case Primitive.BroadcastInDim broadcast ->
          movement.broadcast(x.getFirst(), broadcast.axes(), type);
      case Primitive.Convolution convolution ->
          windows.convolution(x.get(0), x.get(1), convolution, type);
      case Primitive.ConvolutionInputGradient gradient ->
          windows.inputGradient(x.get(0), x.get(1), gradient, type);
      case Primitive.ConvolutionFilterGradient gradient ->
          windows.filterGradient(x.get(0), x.get(1), gradient, type);
      case Primitive.Pool pool -> windows.pool(x.getFirst(), pool, type);
      case Primitive.PoolGradient gradient ->
          windows.poolGradient(x.get(0), x.get(1), gradient, type);
      default -> Term.of(whole(op, x, type), type);
    };
  }

  /** Ops that read and give whole values. */
  private String whole(Primitive op, List<Term> x, TensorType type) {
    return switch (op) {
      case Primitive.Slice slice -> movement.slice(x.getFirst(), slice);
      case Primitive.Pad pad -> movement.pad(x.get(0), x.get(1), pad);
      case Primitive.Concatenate join -> movement.concatenate(join.axis(), x, type.dtype());
      case Primitive.Reverse reverse -> movement.reverse(x.getFirst(), reverse.axes());
      case Primitive.DynamicSlice slice ->
          movement.dynamicSlice(x.getFirst(), x.subList(1, x.size()), slice.sizes());
      case Primitive.Gather gather -> indexing.gather(x.get(0), x.get(1), gather.axis());
      case Primitive.GatherElements gather ->
          indexing.gatherElements(x.get(0), x.get(1), gather.axis());
      case Primitive.Scatter _ -> indexing.scatterAdd(x.get(0), x.get(1), x.get(2));
      case Primitive.ScatterElements scatter ->
          indexing.scatterElementsAdd(x.get(0), x.get(1), x.get(2), scatter.axis());
      case Primitive.Reduce reduce -> reductions.reduce(x.getFirst(), reduce.kind(), reduce.axes());
      case Primitive.ArgReduce arg -> reductions.argReduce(x.getFirst(), arg);
      case Primitive.Cumulate cumulate -> reductions.cumulate(x.getFirst(), cumulate);
      case Primitive.DotGeneral dot -> contractions.dot(x.get(0), x.get(1), dot, type);
      default -> throw new IllegalStateException(op.name() + " is XLA's");
    };
  }

  private Term constant(Literal literal) {
    var type = literal.type();
    if (type.size() == 1) return Term.number(literal.element(0), type);
    return Term.of(graph.constant(literal), type);
  }
}
