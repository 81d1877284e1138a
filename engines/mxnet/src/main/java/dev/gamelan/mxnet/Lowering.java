package dev.gamelan.mxnet;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Writes a graph of what {@link Support} takes as a symbol. */
final class Lowering {
  private final Symbol symbol;
  private final Writer writer;
  private final Pointwise pointwise;
  private final Movement movement;
  private final Reductions reductions;
  private final Contractions contractions;
  private final Convolutions convolutions;
  private final Map<Value, Term> terms = new HashMap<>();

  private Lowering(Symbol symbol) {
    this.symbol = symbol;
    this.writer = new Writer(symbol);
    this.pointwise = new Pointwise(writer);
    this.movement = new Movement(writer);
    this.reductions = new Reductions(writer);
    this.contractions = new Contractions(writer);
    this.convolutions = new Convolutions(writer);
  }

  /**
   * @param inputs their names
   */
  static Symbol lower(Graph graph, List<String> inputs) {
    var lowering = new Lowering(new Symbol(inputs));
    for (int node : lowering.nodes(graph)) lowering.symbol.output(node);
    return lowering.symbol;
  }

  /**
   * @param inputs their names
   * @param outputs their names
   */
  static Symbol lower(Graph graph, List<String> inputs, List<String> outputs) {
    var lowering = new Lowering(new Symbol(inputs));
    var nodes = lowering.nodes(graph);
    for (int i = 0; i < nodes.size(); i++) lowering.symbol.output(nodes.get(i), outputs.get(i));
    return lowering.symbol;
  }

  /** Those of the outputs. */
  private List<Integer> nodes(Graph graph) {
    for (int i = 0; i < graph.inputs().size(); i++) {
      var input = graph.inputs().get(i);
      terms.put(input, Term.of(symbol.input(i, input.type()), input.type()));
    }
    for (var node : graph.nodes()) lower(node);
    return graph.outputs().stream().map(output -> writer.whole(term(output))).toList();
  }

  private Term term(Value value) {
    var term = terms.get(value);
    if (term == null) throw new IllegalStateException(value + " is of another graph");
    return term;
  }

  private void lower(Node node) {
    if (!(node.op() instanceof Primitive op)) {
      throw new IllegalStateException("not expanded: " + node.op().name());
    }
    var operands = node.inputs().stream().map(this::term).toList();
    if (op instanceof Primitive.Barrier) {
      for (int i = 0; i < operands.size(); i++) terms.put(node.results().get(i), operands.get(i));
    } else if (node.result().type().dtype().isBool() && moves(op)) {
      var bytes = node.result().type().with(DType.U8);
      var moved = lower(bytes, op, operands.stream().map(this::asBytes).toList());
      terms.put(node.result(), pointwise.convert(moved, DType.BOOL));
    } else {
      terms.put(node.result(), lower(node.result().type(), op, operands));
    }
  }

  /** Ops of which MXNet's take no bool. */
  private static boolean moves(Primitive op) {
    return op instanceof Primitive.Transpose
        || op instanceof Primitive.Slice
        || op instanceof Primitive.Pad
        || op instanceof Primitive.Concatenate
        || op instanceof Primitive.Reverse
        || op instanceof Primitive.DynamicSlice
        || op instanceof Primitive.Gather
        || op instanceof Primitive.GatherElements;
  }

  private Term asBytes(Term x) {
    return x.dtype().isBool() ? pointwise.convert(x, DType.U8) : x;
  }

  private Term lower(TensorType type, Primitive op, List<Term> x) {
    return switch (op) {
      case Primitive.Constant constant -> constant(constant.literal());
      case Primitive.Fill fill -> Term.number(fill.value(), type);
      case Primitive.Iota iota -> movement.iota(type, iota.axis());
      case Primitive.Unary unary -> pointwise.unary(unary.kind(), x.getFirst(), type);
      case Primitive.Binary binary -> pointwise.binary(binary.kind(), x.get(0), x.get(1));
      case Primitive.Compare compare -> pointwise.compare(compare.kind(), x.get(0), x.get(1));
      case Primitive.Select _ -> pointwise.select(x.get(0), x.get(1), x.get(2));
      case Primitive.Convert convert -> pointwise.convert(x.getFirst(), convert.to());
      case Primitive.Reshape _ -> movement.reshape(x.getFirst(), type);
      case Primitive.Transpose transpose ->
          movement.transpose(x.getFirst(), transpose.permutation(), type);
      case Primitive.BroadcastInDim broadcast ->
          movement.broadcast(x.getFirst(), broadcast.axes(), type);
      default -> Term.of(whole(op, x, type), type);
    };
  }

  /** Ops that read and give whole values. */
  private int whole(Primitive op, List<Term> x, TensorType type) {
    return switch (op) {
      case Primitive.Slice slice -> movement.slice(x.getFirst(), slice);
      case Primitive.Pad pad -> movement.pad(x.get(0), x.get(1), pad);
      case Primitive.Concatenate concatenate ->
          writer.concatenate(concatenate.axis(), x.stream().mapToInt(writer::whole).toArray());
      case Primitive.Reverse reverse -> movement.reverse(x.getFirst(), reverse.axes());
      case Primitive.DynamicSlice slice ->
          movement.dynamicSlice(x.getFirst(), x.subList(1, x.size()), slice.sizes());
      case Primitive.Gather gather -> movement.gather(x.get(0), x.get(1), gather.axis(), type);
      case Primitive.GatherElements gather ->
          movement.gatherElements(x.get(0), x.get(1), gather.axis());
      case Primitive.Reduce reduce ->
          reductions.reduce(x.getFirst(), reduce.kind(), reduce.axes(), type);
      case Primitive.Cumulate cumulate -> reductions.cumulate(x.getFirst(), cumulate);
      case Primitive.DotGeneral dot -> contractions.dot(x.get(0), x.get(1), dot, type);
      case Primitive.Convolution convolution ->
          convolutions.convolution(x.get(0), x.get(1), convolution);
      case Primitive.ConvolutionInputGradient gradient ->
          convolutions.inputGradient(x.get(0), x.get(1), gradient);
      case Primitive.ConvolutionFilterGradient gradient ->
          convolutions.filterGradient(x.get(0), x.get(1), gradient);
      case Primitive.Pool pool -> convolutions.pool(x.getFirst(), pool);
      default -> throw new IllegalStateException(op.name() + " is the host's");
    };
  }

  private Term constant(Literal literal) {
    var type = literal.type();
    if (type.size() == 1) return Term.number(literal.element(0), type);
    return Term.of(symbol.constant(literal), type);
  }
}
