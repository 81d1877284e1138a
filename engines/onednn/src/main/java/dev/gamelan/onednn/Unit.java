package dev.gamelan.onednn;

import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Nodes that are computed together: one kernel's worth, or a single node of another kind. */
final class Unit {
  /** In which direction a unit reduces. */
  enum Reduction {
    NONE,
    /** Along the last axes of the domain. */
    ROWS,
    /** Along axes before the last ones. */
    COLUMNS
  }

  /** How much of the domain a value covers. */
  enum Level {
    FULL,
    REDUCED
  }

  final List<Node> nodes = new ArrayList<>();
  final Map<Value, Level> levels = new LinkedHashMap<>();

  /** The shape that is iterated over, without axes of size 1; of a single node, its result's. */
  final Shape domain;

  final boolean fused;
  Reduction reduction = Reduction.NONE;

  /** The reduced axes of the domain, from and to. */
  int reducedFrom;

  int reducedTo;
  int firstId = Integer.MAX_VALUE;
  int lastId = -1;

  Unit(Shape domain, boolean fused) {
    this.domain = domain;
    this.fused = fused;
    this.reducedFrom = domain.rank();
    this.reducedTo = domain.rank();
  }

  void add(Node node, Level level) {
    nodes.add(node);
    for (var result : node.results()) levels.put(result, level);
    firstId = Math.min(firstId, node.id());
    lastId = Math.max(lastId, node.id());
  }

  /** How many nodes reduce; each keeps a register for a whole loop. */
  int reductions() {
    int count = 0;
    for (var node : nodes) if (node.op() instanceof Primitive.Reduce) count++;
    return count;
  }

  /** The strides over {@code axes} of the domain of a value that this unit computes. */
  List<Long> strides(Level level) {
    var result = new ArrayList<Long>();
    long stride = 1;
    for (int axis = domain.rank() - 1; axis >= 0; axis--) {
      boolean gone = level == Level.REDUCED && axis >= reducedFrom && axis < reducedTo;
      result.addFirst(gone || domain.dim(axis) == 1 ? 0 : stride);
      if (!gone) stride *= domain.dim(axis);
    }
    return result;
  }

  /** The domain's axes that reduced values have. */
  Shape kept() {
    var axes = new ArrayList<>(domain.axes());
    axes.subList(reducedFrom, reducedTo).clear();
    return domain.select(axes);
  }

  /** The names of its ops, each once, its domain and its dtypes. */
  @Override
  public String toString() {
    var names = new LinkedHashSet<String>();
    var dtypes = new TreeSet<DType>();
    for (var node : nodes) {
      names.add(node.op().name());
      for (var result : node.results()) dtypes.add(result.type().dtype());
    }
    return String.join(" ", names) + " " + domain + " " + dtypes;
  }
}
