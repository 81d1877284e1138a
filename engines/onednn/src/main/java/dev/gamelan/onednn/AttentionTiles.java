package dev.gamelan.onednn;

import dev.gamelan.ir.Attention.AttentionGradient;
import dev.gamelan.ir.Attention.ScaledDotProductAttention;
import dev.gamelan.ir.Composite;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.pass.CompositeExpansion;
import dev.gamelan.pass.MixedPrecision;
import dev.gamelan.pass.Pass;
import dev.gamelan.pass.PassPipeline;
import dev.gamelan.pass.Rewrite;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Long attention head by head, in tiles of queries: the scores of a tile stay in the cache, and
 * those of all queries are never in memory [1]. Its gradient computes each tile again, and sums
 * what the tiles send to keys and values.
 *
 * <p>A tile is an attention of its own. Where it is causal its last query is not the last of all,
 * so it sees that many keys less, which is what lengths say.
 *
 * <p>[1] Rabe, Staats, Self-attention does not need O(n²) memory, 2021.
 */
final class AttentionTiles {
  /** Scores of fewer bytes stay in the cache anyway. */
  private static final long WORTH_TILING = 4L << 20;

  /** Of the scores of a tile. */
  private static final long TILE_BYTES = 1L << 20;

  private static final long LEAST_ROWS = 32;
  private static final long MOST_ROWS = 256;

  private enum Role {
    QUERY,
    KEY,
    VALUE,
    MASK,
    LENGTHS,
    RESULT_GRADIENT,

    /** How many keys fewer than all queries those up to a tile's last one see. */
    END
  }

  /**
   * An operand.
   *
   * @param byHead whether its first axis is that of the heads
   * @param byTile whether its next axis is that of the tiles
   */
  private record Part(Role role, Value value, boolean byHead, boolean byTile) {
    Part with(Value other) {
      return new Part(role, other, byHead, byTile);
    }
  }

  private final GraphBuilder g;
  private final ScaledDotProductAttention op;
  private final boolean gradient;
  private final Pass ofBodies;

  /** [B, H, S, D]. */
  private final Shape query;

  private final long keys;
  private final long heads;
  private final long perHead;
  private final long tile;
  private final long tiles;

  private AttentionTiles(
      GraphBuilder g,
      ScaledDotProductAttention op,
      boolean gradient,
      Pass ofBodies,
      Shape query,
      Shape key) {
    this.g = g;
    this.op = op;
    this.gradient = gradient;
    this.ofBodies = ofBodies;
    this.query = query;
    this.keys = key.dim(2);
    this.heads = key.dim(0) * key.dim(1);
    this.perHead = query.dim(1) / key.dim(1);
    long rows = Math.clamp(TILE_BYTES / (Float.BYTES * keys), LEAST_ROWS, MOST_ROWS);
    this.tile = Math.min(Math.max(1, rows / perHead), query.dim(2));
    this.tiles = Math.ceilDiv(query.dim(2), tile);
  }

  /** Whether the composite is computed by tiles. */
  static boolean applies(Composite op, List<TensorType> inputs) {
    boolean attention = op instanceof ScaledDotProductAttention || op instanceof AttentionGradient;
    if (!attention || inputs.getFirst().dtype() == DType.F64) return false;
    var query = inputs.get(0);
    double scores = 1.0 * query.dim(0) * query.dim(1) * query.dim(2) * inputs.get(1).dim(2);
    return Float.BYTES * scores > WORTH_TILING && query.size() > 0 && inputs.get(2).size() > 0;
  }

  /**
   * @param precision in which products of f32 may read their operands
   */
  static Graph apply(Graph graph, DType precision) {
    Pass ofBodies =
        precision == DType.BF16
            ? PassPipeline.of(CompositeExpansion.full(), new MixedPrecision(precision))
            : CompositeExpansion.full();
    boolean any =
        graph.nodes().stream()
            .anyMatch(
                node ->
                    node.op() instanceof ScaledDotProductAttention
                        || node.op() instanceof AttentionGradient);
    return any
        ? Rewrite.of(graph, (g, node, operands) -> rewritten(g, node, operands, ofBodies))
        : graph;
  }

  private static List<Value> rewritten(
      GraphBuilder g, Node node, List<Value> operands, Pass ofBodies) {
    return switch (node.op()) {
      case ScaledDotProductAttention op ->
          new AttentionTiles(
                  g, op, false, ofBodies, operands.get(0).shape(), operands.get(1).shape())
              .attention(operands);
      case AttentionGradient(
              double scale,
              boolean causal,
              boolean mask,
              boolean lengths,
              long window,
              double softcap) ->
          new AttentionTiles(
                  g,
                  new ScaledDotProductAttention(scale, causal, mask, lengths, window, softcap),
                  true,
                  ofBodies,
                  operands.get(0).shape(),
                  operands.get(1).shape())
              .attention(operands);
      default -> g.addNode(node.op(), operands, node).results();
    };
  }

  private List<Value> attention(List<Value> inputs) {
    var parts = new ArrayList<Part>();
    parts.add(new Part(Role.QUERY, tiled(inputs.get(0)), true, true));
    parts.add(new Part(Role.KEY, ofHead(inputs.get(1)), true, false));
    parts.add(new Part(Role.VALUE, ofHead(inputs.get(2)), true, false));
    int next = 3;
    if (op.mask()) parts.add(mask(inputs.get(next++)));
    if (op.lengths()) parts.add(lengths(inputs.get(next++)));
    if (gradient) parts.add(new Part(Role.RESULT_GRADIENT, tiled(inputs.get(next)), true, true));
    var results = overHeads(parts);
    var dtype = inputs.getFirst().type().dtype();
    if (!gradient) return List.of(g.convert(untiled(results.getFirst()), dtype));
    return List.of(
        g.convert(untiled(results.get(2)), dtype),
        g.convert(g.reshape(results.get(0), inputs.get(1).shape()), dtype),
        g.convert(g.reshape(results.get(1), inputs.get(2).shape()), dtype));
  }

  // ---- operands

  /** [B, H, S, W] as [heads, tiles, H per head, tile, W], the last tile filled up with zeros. */
  private Value tiled(Value x) {
    long width = x.dim(3);
    var whole = g.reshape(g.widen(x), Shape.of(heads, perHead, query.dim(2), width));
    return byTile(whole);
  }

  /** [heads, n, S, W] as [heads, tiles, n, tile, W]. */
  private Value byTile(Value x) {
    long rest = tiles * tile - x.dim(2);
    var filled = x;
    if (rest > 0) {
      var none = List.of(0L, 0L, 0L, 0L);
      var zero = g.add(new Primitive.Fill(Scalar.of(x.type().dtype(), 0L), Shape.scalar()));
      filled = g.add(new Primitive.Pad(none, List.of(0L, 0L, rest, 0L), none), x, zero);
    }
    var shape = Shape.of(x.dim(0), x.dim(1), tiles, tile, x.dim(3));
    return g.transpose(g.reshape(filled, shape), List.of(0, 2, 1, 3, 4));
  }

  private Value untiled(Value x) {
    long width = x.dim(4);
    var rows = g.transpose(x, List.of(0, 2, 1, 3, 4));
    var whole = g.reshape(rows, Shape.of(heads, perHead, tiles * tile, width));
    return g.reshape(g.slice(whole, 2, 0, query.dim(2)), query.with(3, width));
  }

  private Value ofHead(Value x) {
    return g.reshape(g.widen(x), Shape.of(heads, keys, x.dim(3)));
  }

  /** [B, H, S, T], or 1 in place of any of them. */
  private Part mask(Value mask) {
    var four = mask.shape();
    while (four.rank() < 4) four = four.insert(0, 1);
    var x = g.reshape(g.widen(mask), four);
    boolean byHead = four.dim(0) > 1 || four.dim(1) > 1;
    if (byHead) {
      var all = query.with(2, four.dim(2)).with(3, four.dim(3));
      var shape = Shape.of(heads, perHead, four.dim(2), four.dim(3));
      x = g.reshape(g.broadcastTo(x, all), shape);
    }
    boolean byTile = four.dim(2) > 1;
    if (byTile) x = byTile(x);
    return new Part(Role.MASK, byHead ? x : without(x, 0), byHead, byTile);
  }

  /** i32[B] for each head. */
  private Part lengths(Value lengths) {
    var shape = Shape.of(query.dim(0), heads / query.dim(0));
    var ofHeads = g.reshape(g.broadcastInDim(lengths, shape, List.of(0)), Shape.of(heads));
    return new Part(Role.LENGTHS, ofHeads, true, false);
  }

  private Value without(Value x, int axis) {
    return g.reshape(x, x.shape().without(List.of(axis)));
  }

  // ---- loops

  private List<Value> overHeads(List<Part> parts) {
    var sequences = parts.stream().filter(Part::byHead).toList();
    var all = Stream.concat(sequences.stream(), parts.stream().filter(p -> !p.byHead)).toList();
    var body = new GraphBuilder();
    var inside = new ArrayList<Part>();
    for (var part : all) inside.add(part.with(body.input(slice(part.value, part.byHead))));
    var scan =
        new Primitive.Scan(body.build(overTiles(body, inside)), heads, 0, sequences.size(), false);
    return g.addAll(scan, all.stream().map(Part::value).toList());
  }

  private List<Value> overTiles(GraphBuilder outer, List<Part> parts) {
    var sequences = new ArrayList<>(parts.stream().filter(Part::byTile).toList());
    // A tile ends that many queries after the last one.
    var number = outer.iota(TensorType.of(DType.I32, tiles), 0);
    var end =
        outer.add(
            outer.mul(number, outer.scalar(DType.I32, tile)),
            outer.scalar(DType.I32, tile - query.dim(2)));
    sequences.add(new Part(Role.END, end, false, true));
    var body = new GraphBuilder();
    var operands = new ArrayList<Value>();
    var carries = new ArrayList<Value>();
    if (gradient) {
      for (var part : parts) {
        if (part.role != Role.KEY && part.role != Role.VALUE) continue;
        operands.add(outer.zerosLike(part.value));
        carries.add(body.input(part.value.type()));
      }
    }
    var inside = new EnumMap<Role, Value>(Role.class);
    for (var part : Stream.concat(sequences.stream(), parts.stream()).toList()) {
      if (inside.containsKey(part.role)) continue;
      operands.add(part.value);
      inside.put(part.role, body.input(slice(part.value, part.byTile)));
    }
    var results = ofTile(body, inside, carries);
    var scan =
        new Primitive.Scan(
            ofBodies.apply(body.build(results)), tiles, carries.size(), sequences.size(), false);
    return outer.addAll(scan, operands);
  }

  private static TensorType slice(Value x, boolean sliced) {
    return sliced ? x.type().with(x.shape().without(List.of(0))) : x.type();
  }

  /** The next carries, then the result of a tile or the gradient of its queries. */
  private List<Value> ofTile(GraphBuilder body, Map<Role, Value> parts, List<Value> carries) {
    boolean counts = op.lengths() || op.causal();
    var inputs = new ArrayList<Value>();
    inputs.add(inFourAxes(body, of(parts, Role.QUERY)));
    inputs.add(inFourAxes(body, of(parts, Role.KEY)));
    inputs.add(inFourAxes(body, of(parts, Role.VALUE)));
    if (op.mask()) inputs.add(of(parts, Role.MASK));
    if (counts) {
      var valid = op.lengths() ? of(parts, Role.LENGTHS) : body.scalar(DType.I32, keys);
      var seen = op.causal() ? body.add(valid, of(parts, Role.END)) : valid;
      inputs.add(body.reshape(seen, Shape.of(1)));
    }
    if (!gradient) {
      var attention =
          new ScaledDotProductAttention(
              op.scale(), op.causal(), op.mask(), counts, op.window(), op.softcap());
      return List.of(withoutBatch(body, body.addAll(attention, inputs).getFirst()));
    }
    inputs.add(inFourAxes(body, of(parts, Role.RESULT_GRADIENT)));
    var gradients =
        body.addAll(
            new AttentionGradient(
                op.scale(), op.causal(), op.mask(), counts, op.window(), op.softcap()),
            inputs);
    var results = new ArrayList<Value>();
    for (int i = 0; i < carries.size(); i++) {
      var carry = carries.get(i);
      results.add(body.add(carry, body.reshape(gradients.get(i + 1), carry.shape())));
    }
    results.add(withoutBatch(body, gradients.getFirst()));
    return results;
  }

  private static Value of(Map<Role, Value> parts, Role role) {
    var value = parts.get(role);
    if (value == null) throw new IllegalStateException("no " + role);
    return value;
  }

  private static Value inFourAxes(GraphBuilder body, Value x) {
    var shape = x.shape();
    while (shape.rank() < 4) shape = shape.insert(0, 1);
    return body.reshape(x, shape);
  }

  private static Value withoutBatch(GraphBuilder body, Value x) {
    return body.reshape(x, x.shape().without(List.of(0)));
  }
}
