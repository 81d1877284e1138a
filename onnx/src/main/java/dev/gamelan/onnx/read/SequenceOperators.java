package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Lists of tensors and optional values, which exist during the import only. */
final class SequenceOperators {
  private SequenceOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("SequenceEmpty", n -> List.of(new Operand.Sequence(List.of()))),
        entry("SequenceConstruct", SequenceOperators::construct),
        entry("SequenceInsert", SequenceOperators::insert),
        entry("SequenceErase", SequenceOperators::erase),
        entry("SequenceAt", n -> List.of(elements(n).get(position(n, 1, 0)))),
        entry("SequenceLength", n -> List.of(number(DType.I64, elements(n).size()))),
        entry("ConcatFromSequence", SequenceOperators::concat),
        entry("SplitToSequence", SequenceOperators::split),
        entry("SequenceMap", SequenceOperators::map),
        entry("Optional", n -> List.of(n.inputs() > 0 ? n.operand(0) : new Operand.Missing())),
        entry("OptionalGetElement", SequenceOperators::get),
        entry("OptionalHasElement", n -> List.of(number(DType.BOOL, n.has(0) ? 1 : 0))));
  }

  private static Operand number(DType dtype, long value) {
    return new Operand.Known(Array.of(TensorType.of(dtype), new long[] {value}));
  }

  private static List<Operand> elements(OpContext n) {
    if (n.operand(0) instanceof Operand.Sequence sequence) return sequence.elements();
    throw n.error("needs a sequence");
  }

  /** An index into the sequence, or with {@code more} one behind its end. */
  private static int position(OpContext n, int input, int more) {
    int size = elements(n).size();
    if (!n.has(input)) return size - 1 + more;
    long given = n.longAt(input);
    long at = given < 0 ? given + size : given;
    if (at < 0 || at >= size + more) {
      throw n.error("has position %d in a sequence of %d".formatted(given, size));
    }
    return (int) at;
  }

  private static List<Operand> construct(OpContext n) {
    var elements = new ArrayList<Operand>();
    for (int i = 0; i < n.inputs(); i++) elements.add(n.operand(i));
    return List.of(new Operand.Sequence(elements));
  }

  private static List<Operand> insert(OpContext n) {
    var elements = new ArrayList<>(elements(n));
    elements.add(position(n, 2, 1), n.operand(1));
    return List.of(new Operand.Sequence(elements));
  }

  private static List<Operand> erase(OpContext n) {
    var elements = new ArrayList<>(elements(n));
    elements.remove(position(n, 1, 0));
    return List.of(new Operand.Sequence(elements));
  }

  private static List<Operand> concat(OpContext n) {
    var g = n.g;
    boolean stacks = n.flag("new_axis", false);
    var parts = elements(n).stream().map(n::value).toList();
    if (parts.isEmpty()) throw n.error("joins an empty sequence");
    int rank = parts.getFirst().rank() + (stacks ? 1 : 0);
    int axis = n.axis(n.required("axis").integer(), rank);
    var joined =
        stacks ? parts.stream().map(v -> g.reshape(v, v.shape().insert(axis, 1))).toList() : parts;
    return List.of(n.computed(g.concatenate(axis, joined)));
  }

  private static List<Operand> split(OpContext n) {
    var g = n.g;
    var x = n.x(0);
    int axis = n.axis(n.integer("axis", 0), x.shape());
    long size = x.dim(axis);
    boolean keeps = n.has(1) || n.flag("keepdims", true);
    var sizes = new ArrayList<Long>();
    if (n.has(1) && n.type(1).rank() == 1) {
      for (long part : n.longs(1)) sizes.add(part);
    } else {
      long each = n.has(1) ? n.longAt(1) : 1;
      if (each < 1) throw n.error("splits into parts of " + each);
      for (long at = 0; at < size; at += each) sizes.add(Math.min(each, size - at));
    }
    var parts = new ArrayList<Operand>();
    long at = 0;
    for (long part : sizes) {
      var slice = g.slice(x, axis, at, at + part);
      parts.add(n.computed(keeps ? slice : g.reshape(slice, slice.shape().without(List.of(axis)))));
      at += part;
    }
    return List.of(new Operand.Sequence(parts));
  }

  private static List<Operand> map(OpContext n) {
    var graph = n.required("body").graph();
    if (graph == null) throw n.error("needs a graph for 'body'");
    int count = elements(n).size();
    var outputs = new ArrayList<List<Operand>>();
    for (int i = 0; i < graph.outputs().size(); i++) outputs.add(new ArrayList<>());
    for (int i = 0; i < count; i++) {
      var scope = n.scope().nested(n.scope().block());
      for (int input = 0; input < n.inputs() && input < graph.inputs().size(); input++) {
        var operand = n.operand(input);
        if (operand instanceof Operand.Sequence s) operand = s.elements().get(i);
        scope.bind(graph.inputs().get(input).name(), operand);
      }
      var results = n.importer().graph(graph, scope);
      for (int o = 0; o < outputs.size(); o++) outputs.get(o).add(results.get(o));
    }
    return outputs.stream().<Operand>map(Operand.Sequence::new).toList();
  }

  private static List<Operand> get(OpContext n) {
    if (!n.has(0)) throw n.error("gets the element of an empty optional");
    return List.of(n.operand(0));
  }
}
