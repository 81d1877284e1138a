package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.TorchScript.list;

import dev.gamelan.ir.Attention;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a graph as TorchScript, a statement for a node. Where an operand's memory is not needed
 * any more, the variant of the op that overwrites it is taken; that is also how what is donated is
 * updated in place. Bodies of control flow are written in place, as blocks.
 */
final class PyTorchLowering {
  private final TorchScript script;
  private final Pointwise pointwise;
  private final Movement movement;
  private final Reductions reductions;
  private final Contractions contractions;
  private final Pooling pooling;
  private final Indexing indexing;
  private final Composites composites;
  private final Map<Value, Term> terms = new HashMap<>();
  private final Map<Value, Integer> lastUse = new HashMap<>();
  private final Graph graph;
  private final Absorption absorption;

  private PyTorchLowering(TorchScript script, Graph graph) {
    this.script = script;
    this.graph = graph;
    this.absorption = new Absorption(graph);
    this.pointwise = new Pointwise(script);
    this.movement = new Movement(script);
    this.reductions = new Reductions(script);
    this.contractions = new Contractions(script);
    this.pooling = new Pooling(script);
    this.indexing = new Indexing(script);
    this.composites = new Composites(script);
  }

  /**
   * @param device in PyTorch's words
   * @param donated inputs that may be overwritten
   * @param kept those of them whose tensors the caller keeps: an output that lies in one is left
   *     there
   */
  static TorchScript lower(Graph graph, String device, Set<Integer> donated, Set<Integer> kept) {
    var script = new TorchScript(device, graph.inputs().size());
    var inputs = new ArrayList<Term>();
    var places = new HashMap<Term.Memory, Integer>();
    for (int i = 0; i < graph.inputs().size(); i++) {
      var memory = new Term.Memory(donated.contains(i));
      if (kept.contains(i)) places.put(memory, i);
      inputs.add(
          Term.named(script, graph.inputs().get(i), script.input(i), memory, Term.Layout.DENSE));
    }
    var outputs = new PyTorchLowering(script, graph).outputs(inputs);
    var given = new HashSet<Term.Memory>();
    for (var output : outputs) output(script, output, given, places);
    return script;
  }

  /** An output has memory of its own, contiguous: no other output's, and not part of more. */
  private static void output(
      TorchScript script, Term output, Set<Term.Memory> given, Map<Term.Memory, Integer> places) {
    var memory = output.memory();
    boolean whole =
        memory.values().stream().allMatch(value -> value.type().bytes() <= output.type().bytes());
    boolean own = memory.isWritable() && whole && !output.overlapping() && given.add(memory);
    boolean dense = output.layout() == Term.Layout.DENSE || output.type().size() == 1;
    if (own && dense && places.containsKey(memory)) {
      script.outputIn(places.get(memory));
    } else if (own && dense) {
      script.output(output.tensor());
    } else {
      var format = own ? "torch.contiguous(%s)" : "torch.clone(%s, memory_format=0)";
      script.output(script.let(format, output.tensor()));
    }
  }

  /** What the graph's outputs become, for inputs that are there already. */
  private List<Term> outputs(List<Term> inputs) {
    for (var node : graph.nodes()) {
      if (absorption.isAbsorbed(node)) continue;
      for (var value : absorption.reads(node)) lastUse.put(value, node.id());
    }
    for (var output : graph.outputs()) lastUse.put(output, Integer.MAX_VALUE);
    for (int i = 0; i < inputs.size(); i++) terms.put(graph.inputs().get(i), inputs.get(i));
    for (var node : graph.nodes()) if (!absorption.isAbsorbed(node)) lower(node);
    return graph.outputs().stream().map(this::term).toList();
  }

  private Term term(Value value) {
    var term = terms.get(value);
    if (term == null) throw new IllegalStateException(value + " is of another graph");
    return term;
  }

  private void lower(Node node) {
    var biased = absorption.biased(node);
    var scaled = absorption.scaled(node);
    if (biased.isPresent()) biased(node, biased.get());
    else if (scaled.isPresent()) scaled(node, scaled.get());
    else lower(node, node.op());
  }

  private void lower(Node node, Op op) {
    var operands = node.inputs().stream().map(this::term).toList();
    switch (op) {
      case Composite composite -> {
        var names = composites.lower(composite, operands, mayOverwrite(node, 0));
        several(node, names, !isReadLater(composite));
      }
      case Primitive primitive -> lower(node, primitive, operands);
    }
  }

  private void lower(Node node, Primitive op, List<Term> operands) {
    switch (op) {
      case Primitive.Constant constant -> constant(node, constant);
      case Primitive.Fill fill ->
          terms.put(node.result(), Term.number(script, node.result(), fill.value()));
      case Primitive.Iota iota ->
          named(
              node.result(),
              movement.iota(node.result().type(), iota.axis()),
              new Term.Memory(false),
              Term.Layout.NARROW);
      case Primitive.Unary unary -> unary(node, unary.kind(), operands.getFirst());
      case Primitive.Binary binary -> binary(node, binary.kind(), operands);
      case Primitive.Compare compare ->
          pointwise(node, pointwise.compare(compare.kind(), operands.getFirst(), operands.get(1)));
      case Primitive.Select select ->
          pointwise(node, pointwise.select(operands.getFirst(), operands.get(1), operands.get(2)));
      case Primitive.Convert convert -> convert(node, convert, operands.getFirst());
      case Primitive.Bitcast bitcast ->
          view(
              node,
              movement.bitcast(operands.getFirst(), node.result().type()),
              operands.getFirst());
      case Primitive.Reshape reshape -> reshape(node, reshape, operands.getFirst());
      case Primitive.Transpose transpose ->
          view(
              node,
              Movement.transpose(operands.getFirst().tensor(), transpose.permutation()),
              operands.getFirst());
      case Primitive.BroadcastInDim broadcast -> broadcast(node, broadcast, operands.getFirst());
      case Primitive.Slice slice ->
          view(
              node,
              Movement.slice(
                  operands.getFirst().tensor(), operands.getFirst().type().shape(), slice),
              operands.getFirst());
      case Primitive.Pad pad ->
          view(
              node,
              movement.pad(operands.getFirst(), operands.get(1), node.result().type(), pad),
              operands.getFirst());
      case Primitive.Concatenate concatenate ->
          fresh(node, Movement.concatenate(operands, concatenate.axis()));
      case Primitive.Reverse reverse ->
          fresh(
              node,
              "torch.flip(%s, %s)".formatted(operands.getFirst().tensor(), list(reverse.axes())));
      case Primitive.DynamicSlice slice ->
          view(
              node,
              movement.dynamicSlice(
                  operands.getFirst().tensor(),
                  operands.getFirst().type(),
                  operands.subList(1, operands.size()),
                  slice.sizes()),
              operands.getFirst());
      case Primitive.DynamicUpdateSlice update -> updateSlice(node, operands);
      case Primitive.Reduce reduce when !reduce.axes().isEmpty() ->
          fresh(
              node,
              reductions.reduce(
                  operands.getFirst(), node.result().type(), reduce.kind(), reduce.axes()));
      case Primitive.Reduce reduce -> same(node.result(), operands.getFirst());
      case Primitive.ArgReduce reduce ->
          fresh(node, reductions.argReduce(operands.getFirst(), reduce));
      case Primitive.Cumulate cumulate ->
          view(node, reductions.cumulate(operands.getFirst(), cumulate), operands.getFirst());
      case Primitive.DotGeneral dot ->
          dense(
              node,
              contractions.dot(operands.getFirst(), operands.get(1), node.result().type(), dot));
      case Primitive.Convolution convolution ->
          fresh(node, contractions.convolution(operands.getFirst(), operands.get(1), convolution));
      case Primitive.ConvolutionInputGradient gradient ->
          fresh(node, contractions.inputGradient(operands.getFirst(), operands.get(1), gradient));
      case Primitive.ConvolutionFilterGradient gradient ->
          fresh(node, contractions.filterGradient(operands.getFirst(), operands.get(1), gradient));
      case Primitive.Pool pool ->
          fresh(node, pooling.pool(operands.getFirst(), node.result().type(), pool));
      case Primitive.PoolGradient gradient ->
          fresh(node, pooling.gradient(operands.getFirst(), operands.get(1), gradient));
      case Primitive.Gather gather ->
          fresh(
              node,
              indexing.gather(
                  operands.getFirst(), operands.get(1), node.result().type(), gather.axis()));
      case Primitive.Scatter scatter ->
          view(
              node,
              indexing.scatter(
                  operands.getFirst(),
                  operands.get(1),
                  operands.get(2),
                  scatter.kind(),
                  scatter.axis()),
              operands.getFirst());
      case Primitive.GatherElements gather ->
          fresh(node, indexing.gatherElements(operands.getFirst(), operands.get(1), gather.axis()));
      case Primitive.ScatterElements scatter ->
          view(
              node,
              indexing.scatterElements(
                  operands.getFirst(),
                  operands.get(1),
                  operands.get(2),
                  scatter.kind(),
                  scatter.axis()),
              operands.getFirst());
      case Primitive.Sort sort ->
          several(node, indexing.sort(operands, sort.axis(), sort.descending()));
      case Primitive.TopK top -> several(node, indexing.topK(operands.getFirst(), top.k()));
      case Primitive.Fft fft ->
          fresh(node, indexing.fft(operands.getFirst(), node.result().type(), fft));
      case Primitive.Scan scan -> scan(node, scan, operands);
      case Primitive.While loop -> loop(node, loop, operands);
      case Primitive.Cond cond -> cond(node, cond, operands);
      case Primitive.Barrier barrier -> {
        for (int i = 0; i < operands.size(); i++) same(node.results().get(i), operands.get(i));
      }
      case Primitive.CustomCall call ->
          throw new IllegalStateException("refused by check: " + call.target());
    }
  }

  // ---- results

  /** In memory of its own. */
  private void fresh(Node node, String expression) {
    view(node, expression, new Term.Memory(true), Term.Layout.STRIDED);
  }

  private void dense(Node node, String expression) {
    view(node, expression, new Term.Memory(true), Term.Layout.DENSE);
  }

  /** Pointwise results lie as their operands do. */
  private void pointwise(Node node, String expression) {
    boolean dense =
        absorption.reads(node).stream()
            .map(this::term)
            .allMatch(x -> x.layout() == Term.Layout.DENSE || x.layout() == Term.Layout.NARROW);
    if (dense) dense(node, expression);
    else fresh(node, expression);
  }

  /** Perhaps in the operand's memory. */
  private void view(Node node, String expression, Term of) {
    view(
        node, expression, of.memory(), of.overlapping() ? Term.Layout.SHARED : Term.Layout.STRIDED);
  }

  private void view(Node node, String expression, Term.Memory memory, Term.Layout layout) {
    named(node.result(), script.let("%s", expression), memory, layout);
  }

  /**
   * Whether {@link Composites} may read the result of this op for another one, of which it is no
   * operand.
   */
  private boolean isReadLater(Composite op) {
    return switch (op) {
      case Attention.ScaledDotProductAttention attention ->
          graph.nodes().stream().anyMatch(node -> node.op() instanceof Attention.AttentionGradient);
      case SoftmaxOp.LogSoftmax softmax ->
          graph.nodes().stream().anyMatch(node -> node.op() instanceof SoftmaxOp.Softmax);
      default -> false;
    };
  }

  private void several(Node node, List<String> expressions) {
    several(node, expressions, true);
  }

  private void several(Node node, List<String> expressions, boolean writable) {
    for (int i = 0; i < expressions.size(); i++) {
      named(
          node.results().get(i),
          script.let("%s", expressions.get(i)),
          new Term.Memory(writable),
          Term.Layout.STRIDED);
    }
  }

  private void named(Value value, String name, Term.Memory memory, Term.Layout layout) {
    terms.put(value, Term.named(script, value, name, memory, layout));
  }

  /** The same elements under another value. */
  private void same(Value value, Term term) {
    var name = term.name();
    var number = term.number();
    if (number != null) terms.put(value, Term.number(script, value, number));
    else if (name != null) named(value, name, term.memory(), term.layout());
  }

  /** Whether nothing needs the memory of an operand after {@code node}, which gives its type. */
  private boolean mayOverwrite(Node node, int operand) {
    return mayOverwrite(node, node.inputs().get(operand));
  }

  private boolean mayOverwrite(Node node, Value value) {
    var term = term(value);
    if (term.name() == null || term.overlapping() || !term.memory().isWritable()) return false;
    if (!node.results().getFirst().type().equals(value.type())) return false;
    boolean readHere =
        absorption.reads(node).stream()
            .anyMatch(other -> !other.equals(value) && term(other).memory() == term.memory());
    return !readHere
        && term.memory().values().stream().allMatch(v -> lastUse.getOrDefault(v, -1) <= node.id());
  }

  /** A result in the place of an operand. */
  private void overwrite(Node node, String expression, Value operand) {
    var term = term(operand);
    named(node.result(), script.let("%s", expression), term.memory(), term.layout());
  }

  // ---- ops

  private void constant(Node node, Primitive.Constant op) {
    var literal = op.literal();
    if (literal.type().size() == 1) {
      terms.put(node.result(), Term.number(script, node.result(), literal.element(0)));
    } else {
      named(node.result(), script.constant(literal), new Term.Memory(false), Term.Layout.DENSE);
    }
  }

  private void unary(Node node, UnaryKind kind, Term x) {
    boolean inPlace = pointwise.overwrites(kind) && mayOverwrite(node, 0);
    var expression = pointwise.unary(kind, x, inPlace);
    if (inPlace) overwrite(node, expression, node.inputs().getFirst());
    else pointwise(node, expression);
  }

  private void binary(Node node, BinaryKind kind, List<Term> operands) {
    var a = operands.getFirst();
    var b = operands.get(1);
    boolean commutes = kind == BinaryKind.ADD || kind == BinaryKind.MUL;
    boolean swap =
        commutes
            && (a.number() != null
                || (!mayOverwrite(node, 0) && b.number() == null && mayOverwrite(node, 1)));
    int first = swap ? 1 : 0;
    boolean inPlace = pointwise.overwrites(kind, a.dtype()) && mayOverwrite(node, first);
    var expression = pointwise.binary(kind, swap ? b : a, swap ? a : b, inPlace);
    if (inPlace) overwrite(node, expression, node.inputs().get(first));
    else pointwise(node, expression);
  }

  private void biased(Node node, Absorption.Biased sum) {
    var operands = sum.product().inputs().stream().map(this::term).toList();
    if (!(sum.product().op() instanceof Primitive.DotGeneral dot)) {
      throw new IllegalStateException("not a product: " + sum.product());
    }
    dense(
        node,
        contractions.biased(
            operands.getFirst(), operands.get(1), term(sum.bias()), node.result().type(), dot));
  }

  private void scaled(Node node, Absorption.Scaled sum) {
    var factors = sum.product().inputs().stream().map(this::term).toList();
    boolean negative = node.op().equals(new Primitive.Binary(BinaryKind.SUB));
    boolean inPlace = mayOverwrite(node, sum.other());
    var expression =
        pointwise.addProduct(term(sum.other()), factors.get(0), factors.get(1), negative, inPlace);
    if (inPlace) overwrite(node, expression, sum.other());
    else pointwise(node, expression);
  }

  private void convert(Node node, Primitive.Convert op, Term x) {
    if (x.dtype() == op.to() && !op.saturate()) same(node.result(), x);
    else pointwise(node, pointwise.convert(x, op.to(), op.saturate()));
  }

  private void reshape(Node node, Primitive.Reshape op, Term x) {
    if (x.number() != null) {
      same(node.result(), x);
    } else if (x.layout() == Term.Layout.DENSE) {
      view(node, Movement.reshape(x.tensor(), op.shape()), x.memory(), Term.Layout.DENSE);
    } else {
      view(node, Movement.reshape(x.tensor(), op.shape()), x);
    }
  }

  private void broadcast(Node node, Primitive.BroadcastInDim op, Term x) {
    if (x.number() != null) {
      same(node.result(), x);
    } else {
      var name = movement.aligned(x, op.shape(), op.axes());
      named(node.result(), name, x.memory(), Term.Layout.NARROW);
    }
  }

  private void updateSlice(Node node, List<Term> operands) {
    var x = operands.getFirst();
    boolean inPlace = mayOverwrite(node, 0);
    var target = inPlace ? x.tensor() : script.let("torch.clone(%s, memory_format=0)", x.tensor());
    var starts = operands.subList(2, operands.size());
    var place = movement.dynamicSlice(target, x.type(), starts, operands.get(1).type().shape());
    script.let("torch.copy_(%s, %s)", place, operands.get(1).tensor());
    named(
        node.result(),
        target,
        inPlace ? x.memory() : new Term.Memory(true),
        inPlace ? x.layout() : Term.Layout.DENSE);
  }

  // ---- control flow

  /** Names that blocks assign: what lies in them may lie in each other's memory. */
  private List<String> variables(List<Term> initial) {
    return initial.stream().map(term -> script.let("%s", term.tensor())).toList();
  }

  private List<Term> block(Graph body, List<String> names) {
    var memory = new Term.Memory(false);
    var inputs = new ArrayList<Term>();
    for (int i = 0; i < names.size(); i++) {
      inputs.add(
          Term.named(script, body.inputs().get(i), names.get(i), memory, Term.Layout.SHARED));
    }
    return new PyTorchLowering(script, body).outputs(inputs);
  }

  /** Assigns all at once: a value may be another variable's old one. */
  private void assign(List<String> variables, List<Term> values) {
    var names = values.stream().map(Term::tensor).toList();
    var changed = new ArrayList<String>();
    for (var name : names) changed.add(variables.contains(name) ? script.let("%s", name) : name);
    for (int i = 0; i < variables.size(); i++) {
      script.line("%s = %s", variables.get(i), changed.get(i));
    }
  }

  private void shared(List<Value> values, List<String> names) {
    var memory = new Term.Memory(false);
    for (int i = 0; i < values.size(); i++)
      named(values.get(i), names.get(i), memory, Term.Layout.SHARED);
  }

  private void scan(Node node, Primitive.Scan op, List<Term> operands) {
    int carries = op.carries();
    int sequences = op.sequences();
    var state = variables(operands.subList(0, carries));
    var slices = variables(operands.subList(carries, carries + sequences));
    var free = variables(operands.subList(carries + sequences, operands.size()));
    var stackedValues = node.results().subList(carries, node.results().size());
    var stacked = stackedValues.stream().map(value -> script.empty(value.type())).toList();
    var counter = script.name();
    script.block(
        "for %s in range(%d):".formatted(counter, op.length()),
        () -> {
          var at = op.reverse() ? script.let("%d - %s", op.length() - 1, counter) : counter;
          var names = new ArrayList<>(state);
          for (var slice : slices) names.add(script.let("torch.select(%s, 0, %s)", slice, at));
          names.addAll(free);
          var results = block(op.body(), names);
          for (int i = 0; i < stacked.size(); i++) {
            var place = "torch.select(%s, 0, %s)".formatted(stacked.get(i), at);
            script.let("torch.copy_(%s, %s)", place, results.get(carries + i).tensor());
          }
          assign(state, results.subList(0, carries));
        });
    shared(node.results().subList(0, carries), state);
    for (int i = 0; i < stacked.size(); i++) {
      named(stackedValues.get(i), stacked.get(i), new Term.Memory(true), Term.Layout.DENSE);
    }
  }

  private void loop(Node node, Primitive.While op, List<Term> operands) {
    var state = variables(operands.subList(0, op.carries()));
    var names = new ArrayList<>(state);
    names.addAll(variables(operands.subList(op.carries(), operands.size())));
    var go = script.let("bool(%s)", block(op.condition(), names).getFirst().tensor());
    script.block(
        "while %s:".formatted(go),
        () -> {
          assign(state, block(op.body(), names));
          var again = block(op.condition(), names).getFirst().tensor();
          script.line("%s = bool(%s)", go, again);
        });
    shared(node.results(), state);
  }

  private void cond(Node node, Primitive.Cond op, List<Term> operands) {
    var names = variables(operands.subList(1, operands.size()));
    var results = node.results().stream().map(value -> script.name()).toList();
    script.block(
        "if bool(%s):".formatted(operands.getFirst().tensor()),
        () -> assign(results, block(op.onTrue(), names)));
    script.block("else:", () -> assign(results, block(op.onFalse(), names)));
    shared(node.results(), results);
  }
}
