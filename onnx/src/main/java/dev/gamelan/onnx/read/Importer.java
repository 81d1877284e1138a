package dev.gamelan.onnx.read;

import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Value;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.proto.FunctionProto;
import dev.gamelan.onnx.proto.GraphProto;
import dev.gamelan.onnx.proto.ModelProto;
import dev.gamelan.onnx.proto.NodeProto;
import dev.gamelan.onnx.proto.SparseTensorProto;
import dev.gamelan.onnx.proto.TensorProto;
import dev.gamelan.pass.DeadNodeElimination;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Walks the nodes of a model and appends to a graph what they compute, for inputs of known types.
 *
 * <p>Shapes are static in our graphs, while ONNX computes them with tensors. So whatever depends on
 * known numbers only is computed on the spot, by the reference kernels, and never enters the graph.
 * Where a shape depends on an input's numbers, the import starts again with that input known; its
 * numbers are then part of the signature. Where it depends on computed numbers, an {@link
 * Evaluator} runs what there is of the graph and reads them.
 */
public final class Importer {
  /** What is computed at import and held with the graph. */
  private static final long MAX_FOLDED_BYTES = 1 << 20;

  /** No tensor of constants only may be larger: memory is not the file's to fill. */
  private static final long MAX_CONSTANT_BYTES = 1L << 34;

  /** Weights that may be read for their numbers, such as the sizes for a resize. */
  private static final long MAX_READ_BYTES = 1 << 24;

  /** Inputs that may be part of the signature by their numbers. */
  private static final long MAX_SIGNATURE_ELEMENTS = 1024;

  private static final long MAX_KNOWN_INTEGER_BYTES = 1 << 16;
  private static final long MAX_KNOWN_FLOATS = 16;

  /** Runs the graph up to a value and reads it. */
  @FunctionalInterface
  public interface Evaluator {
    Array evaluate(Block block, Value value);
  }

  private final ModelProto model;
  private final ExternalData files;
  private final Set<String> parameters;
  private final @Nullable Evaluator evaluator;
  private final Map<String, FunctionProto> functions = new HashMap<>();
  private final Block root = new Block(true);
  private final Map<Value, String> arguments = new LinkedHashMap<>();
  private int keys;

  /**
   * @param parameters initializers that are to be inputs of the graph, however small
   * @param evaluator null to refuse what only a run can tell
   */
  Importer(
      ModelProto model, ExternalData files, Set<String> parameters, @Nullable Evaluator evaluator) {
    this.model = model;
    this.files = files;
    this.parameters = parameters;
    this.evaluator = evaluator;
    for (var function : model.functions()) {
      functions.put(key(function.domain(), function.name(), function.overload()), function);
    }
  }

  private static String key(String domain, String name, String overload) {
    return domain + "\0" + name + "\0" + overload;
  }

  // ---- the whole graph

  /** What the outputs of the model stand for. */
  List<Operand> run(Map<String, Operand> known, Map<String, TensorType> inputs) {
    var scope = Scope.root(root, model.opsets());
    known.forEach(scope::bind);
    inputs.forEach(
        (name, type) -> {
          var operand = root.parameter(type);
          arguments.put(root.value(operand), name);
          scope.bind(name, operand);
        });
    return graph(model.graph(), scope);
  }

  Block root() {
    return root;
  }

  /** The names of the inputs that the parameters of the root block stand for, in order. */
  List<String> arguments() {
    return List.copyOf(arguments.values());
  }

  /** The nodes of {@code graph}, whose inputs are bound in {@code scope}; gives its outputs. */
  List<Operand> graph(GraphProto graph, Scope scope) {
    for (var tensor : graph.initializers()) {
      if (scope.values().get(tensor.name()) == null) {
        scope.bind(tensor.name(), initializer(tensor));
      }
    }
    for (var tensor : graph.sparseInitializers()) {
      scope.bind(tensor.values().name(), new Operand.Known(dense(tensor)));
    }
    nodes(graph.nodes(), scope);
    var outputs = new ArrayList<Operand>();
    for (var output : graph.outputs()) {
      var operand = scope.find(output.name());
      if (operand == null) {
        throw new OnnxException(
            "graph '%s' gives '%s', which no node of it computes"
                .formatted(graph.name(), output.name()));
      }
      outputs.add(operand);
    }
    return outputs;
  }

  private void nodes(List<NodeProto> nodes, Scope scope) {
    for (int i = 0; i < nodes.size(); i++) {
      var node = nodes.get(i);
      for (var name : node.inputs()) {
        if (!name.isEmpty() && scope.find(name) == null) throw dangling(node, name, nodes, i);
      }
      node(node, scope);
    }
  }

  private static OnnxException dangling(
      NodeProto node, String name, List<NodeProto> nodes, int index) {
    for (var later : nodes.subList(index, nodes.size())) {
      if (later.outputs().contains(name)) {
        return new OnnxException(
            "%s '%s' uses '%s', which %s '%s' gives only later: the graph has a cycle, or its nodes are out of order"
                .formatted(node.operator(), node.name(), name, later.operator(), later.name()));
      }
    }
    return new OnnxException(
        "%s '%s' uses '%s', which is no input, no initializer and no output of a node"
            .formatted(node.operator(), node.name(), name));
  }

  // ---- one node

  private void node(NodeProto node, Scope scope) {
    var function = functions.get(key(node.domain(), node.opType(), node.overload()));
    var context = new OpContext(this, scope, node);
    List<Operand> outputs;
    try {
      outputs = function != null ? call(function, context) : operator(context);
    } catch (OnnxException | NeedsData | EngineException e) {
      throw e;
    } catch (RuntimeException e) {
      // What shape inference and shape arithmetic have to say of a node that makes no sense.
      throw new OnnxException(context.describe() + ": " + e.getMessage(), e);
    }
    for (int i = 0; i < node.outputs().size() && i < outputs.size(); i++) {
      var name = node.outputs().get(i);
      if (scope.values().containsKey(name)) {
        throw context.error("gives '%s', which something before it gives already".formatted(name));
      }
      scope.bind(name, outputs.get(i));
    }
  }

  private List<Operand> operator(OpContext context) {
    var node = context.node();
    var operator = Operators.find(node.domain(), node.opType());
    if (operator == null) {
      throw new OnnxException(
          "no operator '%s' of domain '%s' (opset %d) is known, which node '%s' uses; it can't be imported"
              .formatted(
                  node.opType(),
                  node.domain().isEmpty() ? "ai.onnx" : node.domain(),
                  context.opset(),
                  node.name()));
    }
    boolean known = true;
    for (int i = 0; i < context.inputs(); i++) {
      known &= !context.has(i) || context.operand(i) instanceof Operand.Known;
    }
    if (known && node.attributes().values().stream().allMatch(a -> a.graph() == null)) {
      var folded = fold(operator, context);
      if (folded.isPresent()) return folded.get();
    }
    return operator.apply(context);
  }

  private List<Operand> call(FunctionProto function, OpContext context) {
    var given = new HashMap<>(function.defaults());
    for (var name : context.node().attributes().keySet()) {
      var attribute = context.attribute(name);
      if (attribute != null) given.put(name, attribute);
    }
    var inner = context.scope().function(function.opsets(), given);
    for (int i = 0; i < function.inputs().size(); i++) {
      inner.bind(
          function.inputs().get(i), context.has(i) ? context.operand(i) : new Operand.Missing());
    }
    nodes(function.nodes(), inner);
    var outputs = new ArrayList<Operand>();
    for (var name : function.outputs()) {
      var operand = inner.find(name);
      outputs.add(operand == null ? new Operand.Missing() : operand);
    }
    return outputs;
  }

  // ---- known numbers

  /** The results computed now; empty if they are too large, or random. */
  private Optional<List<Operand>> fold(Operator operator, OpContext context) {
    var block = new Block(false);
    var results = operator.apply(context.in(block));
    var values = new ArrayList<Value>();
    for (var result : results) {
      if (result instanceof Operand.Computed computed) values.add(block.value(computed));
    }
    if (values.isEmpty()) return Optional.of(results);
    boolean random = block.captured().stream().anyMatch(o -> !(o instanceof Operand.Known));
    var graph = dropDead(block.build(values));
    if (random || !isSmall(graph, context)) return Optional.empty();
    var inputs =
        block.captured().stream().map(operand -> ((Operand.Known) operand).array()).toList();
    var arrays = ReferenceKernels.run(graph, inputs).iterator();
    return Optional.of(
        results.stream()
            .map(r -> r instanceof Operand.Computed ? new Operand.Known(arrays.next()) : r)
            .toList());
  }

  private static Graph dropDead(Graph graph) {
    return new DeadNodeElimination().apply(graph);
  }

  private static boolean isSmall(Graph graph, OpContext context) {
    boolean small = true;
    for (var node : graph.nodes()) {
      for (var result : node.results()) {
        long bytes = result.type().bytes();
        if (bytes > MAX_CONSTANT_BYTES) {
          throw context.error(
              "makes %s, %.0f GiB, of constants alone; at most %d GiB are allowed"
                  .formatted(result.type(), bytes / 0x1p30, MAX_CONSTANT_BYTES >> 30));
        }
        small &= bytes <= MAX_FOLDED_BYTES;
      }
    }
    return small;
  }

  /** The elements of {@code operand}, which a shape depends on. */
  Array host(Operand operand, OpContext context) {
    return elements(operand, context, true);
  }

  /** As {@link #host}, of what no signature should hold. */
  Array data(Operand operand, OpContext context) {
    return elements(operand, context, false);
  }

  private Array elements(Operand operand, OpContext context, boolean shapes) {
    return switch (operand) {
      case Operand.Known known -> known.array();
      case Operand.Weight weight -> {
        if (weight.type().bytes() > MAX_READ_BYTES) {
          throw context.error(
              "reads numbers from '%s', which is %s".formatted(weight.name(), weight.type()));
        }
        yield read(weight);
      }
      case Operand.Computed computed -> evaluate(computed, context, shapes);
      case Operand.Key key -> throw context.error("a shape depends on random numbers");
      case Operand.Sequence s -> throw context.error("needs a tensor, not a sequence");
      case Operand.Missing m -> throw context.error("needs a tensor, not an empty optional");
    };
  }

  static Array read(Operand.Weight weight) {
    var array = Array.zeros(weight.type());
    array.read(weight.bytes());
    return array;
  }

  private Array evaluate(Operand.Computed computed, OpContext context, boolean shapes) {
    if (evaluator != null && computed.block() == root) {
      return evaluator.evaluate(root, computed.value());
    }
    var message =
        context.describe() + ": its shape or size depends on numbers that only a run can tell";
    if (computed.block() != root || !shapes) throw new NeedsData(message, Set.of());
    throw new NeedsData(message, smallInputs(computed.value()));
  }

  /**
   * The inputs that {@code value} is computed from, if they are few numbers and nothing else is.
   */
  private Set<String> smallInputs(Value value) {
    var producers = new HashMap<Integer, Node>();
    root.g.nodes().forEach(node -> producers.put(node.id(), node));
    var names = new HashSet<String>();
    var seen = new HashSet<Integer>();
    var open = new ArrayList<>(List.of(value));
    while (!open.isEmpty()) {
      var next = open.removeLast();
      if (!seen.add(next.node())) continue;
      var producer = producers.get(next.node());
      if (producer != null) {
        open.addAll(producer.inputs());
      } else if (arguments.containsKey(next) && next.type().size() <= MAX_SIGNATURE_ELEMENTS) {
        names.add(arguments.get(next));
      } else {
        return Set.of();
      }
    }
    return names;
  }

  // ---- initializers and constants

  private Operand initializer(TensorProto tensor) {
    var type = tensor.type();
    boolean known =
        type.dtype().isFloat()
            ? type.size() <= MAX_KNOWN_FLOATS
            : type.bytes() <= MAX_KNOWN_INTEGER_BYTES;
    var weight = new Operand.Weight(tensor.name(), type, files.bytes(tensor));
    return known && !parameters.contains(tensor.name()) ? new Operand.Known(read(weight)) : weight;
  }

  /** A tensor that stands in an attribute. */
  Operand constant(TensorProto tensor, String name) {
    var weight = new Operand.Weight(name, tensor.type(), files.bytes(tensor));
    return weight.type().bytes() <= MAX_FOLDED_BYTES ? new Operand.Known(read(weight)) : weight;
  }

  Array dense(SparseTensorProto sparse) {
    var values = read(new Operand.Weight("", sparse.values().type(), files.bytes(sparse.values())));
    var indices =
        read(new Operand.Weight("", sparse.indices().type(), files.bytes(sparse.indices())));
    return SparseTensors.dense(values, indices, sparse.dims());
  }

  /** A random key of its own for each call of the model. */
  Operand key() {
    return new Operand.Key(keys++);
  }

  static Operand known(long... elements) {
    return new Operand.Known(Array.of(TensorType.of(DType.I64, elements.length), elements));
  }
}
