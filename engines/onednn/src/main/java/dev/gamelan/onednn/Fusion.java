package dev.gamelan.onednn;

import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Shape;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Which nodes are computed together. Movement is a {@link View} and costs nothing; a pointwise node
 * or a reduction joins the unit of one of its operands where both go over the same domain element
 * by element, where a reduced value is used row by row, and where no cycle between units comes of
 * it; units that meet in a node become one. Everything else is a unit by itself.
 */
final class Fusion {
  /** Beyond this, kernels spill more than fusion saves. */
  static final int MAX_NODES = 96;

  /** Each takes a register for a whole loop, of which AVX2 has 15, and bodies need some too. */
  private static final int MAX_REDUCTIONS = 6;

  private final Map<Value, View> views = new HashMap<>();
  private final Map<Value, Unit> units = new HashMap<>();
  private final Set<Unit> live = new LinkedHashSet<>();

  private final Predicate<Node> channelsLast;

  /**
   * @param channelsLast which nodes write their result so
   */
  Fusion(Graph graph, Predicate<Node> channelsLast) {
    this.channelsLast = channelsLast;
    for (var input : graph.inputs()) views.put(input, View.of(input));
    for (var node : graph.nodes()) visit(node);
  }

  /** How {@code value} is read. */
  View view(Value value) {
    var view = views.get(value);
    if (view == null) throw new IllegalArgumentException(value + " is of another graph");
    return view;
  }

  /** The unit that computes a base; empty for inputs and sources. */
  Optional<Unit> unit(Value base) {
    return Optional.ofNullable(units.get(base));
  }

  /** In an order in which each comes after what it reads. */
  List<Unit> order() {
    var ordered = new LinkedHashSet<Unit>();
    for (var unit : live.stream().sorted(Comparator.comparingInt(u -> u.lastId)).toList()) {
      var stack = new ArrayDeque<Unit>();
      stack.push(unit);
      while (!stack.isEmpty()) {
        var top = stack.getFirst();
        int height = stack.size();
        for (var operand : operands(top)) {
          if (operand != top && !ordered.contains(operand)) stack.push(operand);
        }
        if (stack.size() == height) ordered.add(stack.pop());
      }
    }
    return List.copyOf(ordered);
  }

  /** The units that {@code unit} reads from. */
  private Set<Unit> operands(Unit unit) {
    var result = new LinkedHashSet<Unit>();
    for (var base : bases(unit.nodes)) unit(base).ifPresent(result::add);
    return result;
  }

  private Set<Value> bases(Collection<Node> nodes) {
    var result = new LinkedHashSet<Value>();
    for (var node : nodes) {
      for (var input : node.inputs()) result.add(view(input).base());
    }
    return result;
  }

  private void visit(Node node) {
    if (isSource(node)) {
      source(node);
    } else if (node.op() instanceof Primitive.Barrier) {
      for (int i = 0; i < node.results().size(); i++) {
        views.put(node.results().get(i), view(node.inputs().get(i)));
      }
    } else {
      var moved = movement(node);
      if (moved.isPresent()) views.put(node.result(), moved.get());
      else compute(node);
    }
  }

  private static boolean isSource(Node node) {
    return node.op() instanceof Primitive.Fill
        || node.op() instanceof Primitive.Constant
        || node.op() instanceof Primitive.Iota;
  }

  /** What takes no more memory than it must: one element, or one along the axis that counts. */
  private void source(Node node) {
    var value = node.result();
    var strides = value.shape().strides();
    if (value.type().dtype().bits() >= 8) {
      if (node.op() instanceof Primitive.Fill) strides = new long[value.rank()];
      if (node.op() instanceof Primitive.Iota iota) {
        strides = new long[value.rank()];
        strides[iota.axis()] = 1;
      }
    }
    views.put(value, new View(value, 0, View.boxed(strides), value.shape()));
  }

  /** The node as a way to read its operand; empty where elements must move. */
  private Optional<View> movement(Node node) {
    if (node.inputs().isEmpty()) return Optional.empty();
    var x = view(node.inputs().getFirst());
    boolean packed = x.base().type().dtype().bits() < 8;
    return switch (node.op()) {
      case Primitive.Reshape reshape -> x.reshape(reshape.shape());
      case Primitive.Transpose t when !packed -> Optional.of(x.transpose(t.permutation()));
      case Primitive.BroadcastInDim b when !packed -> Optional.of(x.broadcast(b));
      case Primitive.Slice s when !packed -> Optional.of(x.slice(s, node.result().shape()));
      case Primitive.Reverse r when !packed -> Optional.of(x.reverse(r.axes()));
      case Primitive.Reduce r when reducesNothing(r, x.shape()) -> x.reshape(node.result().shape());
      default -> Optional.empty();
    };
  }

  private static boolean reducesNothing(Primitive.Reduce op, Shape shape) {
    return op.axes().stream().allMatch(axis -> shape.dim(axis) == 1);
  }

  private void compute(Node node) {
    for (var result : node.results()) {
      views.put(result, channelsLast.test(node) ? View.channelsLast(result) : View.of(result));
    }
    boolean pointwise =
        node.results().size() == 1
            && Pointwise.supports(
                node.op(), node.inputs().stream().map(Value::type).toList(), node.result().type());
    if (pointwise) {
      place(node, stripped(node.result().shape()));
    } else if (node.op() instanceof Primitive.Reduce reduce
        && Pointwise.supports(node.result().type().dtype())
        && reducedBlock(reduce, node.inputs().getFirst().shape()).isPresent()) {
      place(node, stripped(node.inputs().getFirst().shape()));
    } else {
      var shape = node.results().isEmpty() ? Shape.scalar() : node.results().getFirst().shape();
      var unit = new Unit(shape, false);
      add(unit, node, Unit.Level.FULL);
    }
  }

  static Shape stripped(Shape shape) {
    int longer = 0;
    for (int axis = 0; axis < shape.rank(); axis++) if (shape.dim(axis) != 1) longer++;
    if (longer == shape.rank()) return shape;
    var dims = new long[longer];
    int next = 0;
    for (int axis = 0; axis < shape.rank(); axis++) {
      if (shape.dim(axis) != 1) dims[next++] = shape.dim(axis);
    }
    return Shape.of(dims);
  }

  /** The reduced axes of the stripped shape, from and to; empty where they are not one block. */
  static Optional<int[]> reducedBlock(Primitive.Reduce op, Shape shape) {
    int from = -1;
    int to = -1;
    int axis = 0;
    for (int i = 0; i < shape.rank(); i++) {
      if (shape.dim(i) == 1) continue;
      if (op.axes().contains(i)) {
        if (from < 0) from = axis;
        else if (to != axis) return Optional.empty();
        to = axis + 1;
      }
      axis++;
    }
    return Optional.of(new int[] {from, to});
  }

  private void add(Unit unit, Node node, Unit.Level level) {
    unit.add(node, level);
    live.add(unit);
    for (var result : node.results()) units.put(result, unit);
  }

  private void place(Node node, Shape domain) {
    var candidates =
        bases(List.of(node)).stream()
            .map(units::get)
            .filter(unit -> unit != null && unit.fused)
            .distinct()
            .sorted(Comparator.comparingInt((Unit unit) -> unit.lastId).reversed())
            .toList();
    Unit home = null;
    for (var candidate : candidates) {
      if (home == null) {
        var level = levelIn(candidate, node);
        if (level.isPresent() && !reaches(outside(List.of(node), candidate), candidate)) {
          home = candidate;
          join(home, node, level.get());
        }
      } else if (merges(home, candidate)) {
        merge(home, candidate);
      }
    }
    if (home == null) {
      home = new Unit(domain, true);
      join(home, node, levelIn(home, node).orElseThrow());
    }
  }

  private void join(Unit unit, Node node, Unit.Level level) {
    if (node.op() instanceof Primitive.Reduce reduce) {
      var block = reducedBlock(reduce, node.inputs().getFirst().shape()).orElseThrow();
      unit.reducedFrom = block[0];
      unit.reducedTo = block[1];
      unit.reduction =
          block[1] == unit.domain.rank() ? Unit.Reduction.ROWS : Unit.Reduction.COLUMNS;
    }
    add(unit, node, level);
  }

  /** The level at which {@code node} can be computed in {@code unit}; empty where it can't. */
  private Optional<Unit.Level> levelIn(Unit unit, Node node) {
    if (unit.nodes.size() >= MAX_NODES) return Optional.empty();
    if (node.op() instanceof Primitive.Reduce reduce) {
      var x = node.inputs().getFirst();
      var block = reducedBlock(reduce, x.shape()).orElseThrow();
      boolean same =
          unit.reduction == Unit.Reduction.NONE
              || (unit.reducedFrom == block[0] && unit.reducedTo == block[1]);
      boolean fits = stripped(x.shape()).equals(unit.domain) && alignedFull(unit, x);
      boolean room = unit.reductions() < MAX_REDUCTIONS;
      return same && fits && room ? Optional.of(Unit.Level.REDUCED) : Optional.empty();
    }
    var shape = stripped(node.result().shape());
    if (shape.equals(unit.domain) && allAligned(unit, node, Unit.Level.FULL)) {
      return Optional.of(Unit.Level.FULL);
    }
    if (unit.reduction == Unit.Reduction.ROWS
        && shape.equals(unit.kept())
        && allAligned(unit, node, Unit.Level.REDUCED)) {
      return Optional.of(Unit.Level.REDUCED);
    }
    return Optional.empty();
  }

  private boolean allAligned(Unit unit, Node node, Unit.Level level) {
    for (var input : node.inputs()) {
      boolean aligned =
          level == Unit.Level.FULL ? alignedFull(unit, input) : alignedReduced(unit, input);
      if (!aligned) return false;
    }
    return true;
  }

  /**
   * Whether a full node of {@code unit} reads {@code input} where that is in registers, or it is of
   * outside.
   */
  private boolean alignedFull(Unit unit, Value input) {
    var view = view(input);
    var level = unit.levels.get(view.base());
    if (level == null) return true;
    // Down a column a reduced value is complete only at the end.
    if (level == Unit.Level.REDUCED && unit.reduction == Unit.Reduction.COLUMNS) return false;
    return view.offset() == 0
        && stripped(view.shape()).equals(unit.domain)
        && strippedStrides(view).equals(unit.strides(level));
  }

  private boolean alignedReduced(Unit unit, Value input) {
    var view = view(input);
    var level = unit.levels.get(view.base());
    if (level == null) return true;
    return level == Unit.Level.REDUCED
        && view.offset() == 0
        && strippedStrides(view).equals(View.boxed(unit.kept().strides()));
  }

  /** The strides of the axes that are longer than 1. */
  static List<Long> strippedStrides(View view) {
    var result = new ArrayList<Long>();
    for (int axis = 0; axis < view.shape().rank(); axis++) {
      if (view.shape().dim(axis) != 1) result.add(view.stride(axis));
    }
    return result;
  }

  private boolean merges(Unit home, Unit other) {
    boolean compatible =
        live.contains(other)
            && home.domain.equals(other.domain)
            && home.nodes.size() + other.nodes.size() <= MAX_NODES
            && home.reductions() + other.reductions() <= MAX_REDUCTIONS
            && (home.reduction == Unit.Reduction.NONE
                || other.reduction == Unit.Reduction.NONE
                || (home.reducedFrom == other.reducedFrom && home.reducedTo == other.reducedTo));
    if (!compatible) return false;
    if (!alignedAcross(home, other) || !alignedAcross(other, home)) return false;
    return !reaches(outside(home.nodes, other), other)
        && !reaches(outside(other.nodes, home), home);
  }

  /** Whether each node of {@code unit} reads what {@code other} computes where both have it. */
  private boolean alignedAcross(Unit unit, Unit other) {
    var both = new Unit(unit.domain, true);
    both.reduction = unit.reduction != Unit.Reduction.NONE ? unit.reduction : other.reduction;
    boolean mine = unit.reduction != Unit.Reduction.NONE;
    both.reducedFrom = mine ? unit.reducedFrom : other.reducedFrom;
    both.reducedTo = mine ? unit.reducedTo : other.reducedTo;
    both.levels.putAll(other.levels);
    for (var node : unit.nodes) {
      boolean full =
          node.op() instanceof Primitive.Reduce
              || unit.levels.get(node.result()) == Unit.Level.FULL;
      if (!allAligned(both, node, full ? Unit.Level.FULL : Unit.Level.REDUCED)) return false;
    }
    return true;
  }

  private void merge(Unit home, Unit other) {
    if (home.reduction == Unit.Reduction.NONE) {
      home.reduction = other.reduction;
      home.reducedFrom = other.reducedFrom;
      home.reducedTo = other.reducedTo;
    }
    for (var node : other.nodes) {
      add(home, node, Objects.requireNonNull(other.levels.get(node.result())));
    }
    home.nodes.sort(Comparator.comparingInt(Node::id));
    live.remove(other);
  }

  /** What {@code nodes} read of other units than their own and {@code unit}. */
  private List<Unit> outside(Collection<Node> nodes, Unit unit) {
    var own = new HashSet<Unit>();
    own.add(unit);
    for (var node : nodes) unit(node.results().getFirst()).ifPresent(own::add);
    var outside = new LinkedHashSet<Unit>();
    for (var base : bases(nodes)) {
      var other = units.get(base);
      if (other != null && !own.contains(other)) outside.add(other);
    }
    return List.copyOf(outside);
  }

  /** Whether any of {@code from} reads, directly or not, what {@code target} computes. */
  private boolean reaches(List<Unit> from, Unit target) {
    var seen = new HashSet<Unit>(from);
    var stack = new ArrayDeque<Unit>(from);
    while (!stack.isEmpty()) {
      var unit = stack.pop();
      if (unit == target) return true;
      if (unit.lastId < target.firstId) continue;
      for (var operand : operands(unit)) if (seen.add(operand)) stack.push(operand);
    }
    return false;
  }

  /** The values of {@code unit} that something outside of it reads. */
  static Map<Unit, Set<Value>> stored(Graph graph, Fusion fusion) {
    var stored = new LinkedHashMap<Unit, Set<Value>>();
    for (var node : graph.nodes()) {
      boolean isView =
          node.results().stream().noneMatch(result -> fusion.units.containsKey(result));
      if (isView) continue;
      var own = fusion.units.get(node.results().getFirst());
      for (var input : node.inputs()) {
        var base = fusion.view(input).base();
        var unit = fusion.units.get(base);
        if (unit != null && unit != own) {
          stored.computeIfAbsent(unit, u -> new LinkedHashSet<>()).add(base);
        }
      }
    }
    for (var output : graph.outputs()) {
      var base = fusion.view(output).base();
      var unit = fusion.units.get(base);
      if (unit != null) stored.computeIfAbsent(unit, u -> new LinkedHashSet<>()).add(base);
    }
    return stored;
  }
}
