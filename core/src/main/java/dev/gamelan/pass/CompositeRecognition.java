package dev.gamelan.pass;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.Attention;
import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.GraphBuilder.Replacement;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Normalization;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.SoftmaxOp;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Predicate;

/**
 * Puts composites in the place of the primitives that exporters write for them: gelu, silu,
 * layer_norm, rms_norm, rotary embedding and attention, so that engines can keep them whole. What
 * the primitives computed on the way stays if something else uses it.
 */
public final class CompositeRecognition implements Pass {
  private final Predicate<Value> repeats;

  public CompositeRecognition() {
    this(input -> false);
  }

  /**
   * @param repeats whether both halves of the last axis of an input, such as a table of cosines,
   *     are known to be alike
   */
  public CompositeRecognition(Predicate<Value> repeats) {
    this.repeats = repeats;
  }

  @Override
  public Graph apply(Graph graph) {
    var rewritten = new Recognizer(graph, repeats).run();
    return new DeadNodeElimination().apply(rewritten);
  }

  /** One walk over a graph; patterns look at the old values, and operands are the new ones. */
  private static final class Recognizer {
    private final Graph graph;
    private final Predicate<Value> repeats;
    private final Matcher match;
    private final GraphBuilder g = new GraphBuilder();
    private final Replacement replacement = new Replacement();

    Recognizer(Graph graph, Predicate<Value> repeats) {
      this.graph = graph;
      this.repeats = repeats;
      this.match = new Matcher(graph);
    }

    Graph run() {
      for (var input : graph.inputs()) replacement.put(input, g.input(input.type()));
      for (var node : graph.nodes()) {
        var recognized = recognize(node);
        if (recognized.isPresent()) {
          replacement.put(node, List.of(recognized.get()));
        } else {
          var op = Rewrite.bodies(node.op(), new CompositeRecognition()::apply);
          replacement.put(node, g.addAll(op, replacement.get(node.inputs())));
        }
      }
      return g.build(replacement.outputs(graph));
    }

    private Optional<Value> recognize(Node node) {
      if (!(node.op() instanceof Primitive primitive)) return Optional.empty();
      return switch (primitive) {
        case Primitive.Binary(BinaryKind kind) when kind == BinaryKind.MUL ->
            product(node.result());
        case Primitive.Binary(BinaryKind kind) when kind == BinaryKind.ADD -> sum(node.result());
        case Primitive.DotGeneral dot -> attention(node, dot);
        default -> Optional.empty();
      };
    }

    private Optional<Value> product(Value y) {
      if (!y.type().dtype().isFloat()) return Optional.empty();
      return gelu(y).or(() -> silu(y)).or(() -> rmsNorm(y));
    }

    private Optional<Value> sum(Value y) {
      if (!y.type().dtype().isFloat()) return Optional.empty();
      return layerNorm(y).or(() -> rotary(y));
    }

    // ---- activations

    /** x · ½ · (1 + erf(x/√2)), or the same with tanh's approximation. */
    private Optional<Value> gelu(Value y) {
      for (var factor : factorsOf(y, y)) {
        var inner = match.withNumber(BinaryKind.ADD, factor, 1);
        if (inner.isEmpty()) continue;
        var erf = match.unary(UnaryKind.ERF, inner.get()).flatMap(this::halfRoot);
        var tanh = match.unary(UnaryKind.TANH, inner.get()).flatMap(this::cubic);
        var x = erf.or(() -> tanh);
        if (x.isPresent() && isHalfOf(y, x.get(), factor)) {
          return Optional.of(g.add(new Activation.Gelu(erf.isEmpty()), replacement.get(x.get())));
        }
      }
      return Optional.empty();
    }

    /** Whether y = ½ · x · factor. */
    private boolean isHalfOf(Value y, Value x, Value factor) {
      var rest = new ArrayList<>(factorsOf(y, x));
      boolean has = rest.remove(x) && rest.remove(factor);
      return has && rest.size() == 1 && match.is(rest.getFirst(), 0.5);
    }

    private List<Value> factorsOf(Value y, Value whole) {
      var factors = new ArrayList<Value>();
      for (var operand : match.binary(BinaryKind.MUL, y)) {
        factors.addAll(match.factors(operand, whole));
      }
      return factors;
    }

    private Optional<Value> halfRoot(Value scaled) {
      var quotient = match.binary(BinaryKind.DIV, scaled);
      if (!quotient.isEmpty() && match.is(quotient.get(1), Math.sqrt(2))) {
        return Optional.of(quotient.getFirst());
      }
      return match.withNumber(BinaryKind.MUL, scaled, Math.sqrt(0.5));
    }

    /** x of √(2/π) · (x + 0.044715·x³). */
    private Optional<Value> cubic(Value scaled) {
      var sum = match.withNumber(BinaryKind.MUL, scaled, Math.sqrt(2 / Math.PI));
      if (sum.isEmpty()) return Optional.empty();
      var terms = match.binary(BinaryKind.ADD, sum.get());
      for (int i = 0; i < terms.size(); i++) {
        var x = terms.get(i);
        var cube = match.withNumber(BinaryKind.MUL, terms.get(1 - i), 0.044715);
        if (cube.isPresent() && isCube(cube.get(), x)) return Optional.of(x);
      }
      return Optional.empty();
    }

    private boolean isCube(Value value, Value x) {
      var power = match.binary(BinaryKind.POW, value);
      if (!power.isEmpty()) return power.getFirst().equals(x) && match.is(power.get(1), 3);
      return match.factors(value, x).equals(List.of(x, x, x));
    }

    private Optional<Value> silu(Value y) {
      var operands = match.binary(BinaryKind.MUL, y);
      for (int i = 0; i < operands.size(); i++) {
        var x = operands.get(i);
        if (match.unary(UnaryKind.LOGISTIC, operands.get(1 - i)).equals(Optional.of(x))) {
          return Optional.of(g.add(new Activation.Silu(), replacement.get(x)));
        }
      }
      return Optional.empty();
    }

    // ---- normalisation

    /** x / √(mean x² + ε) · scale, the mean over the last axis. */
    private Optional<Value> rmsNorm(Value y) {
      var operands = match.binary(BinaryKind.MUL, y);
      for (int i = 0; i < operands.size(); i++) {
        var scale = match.source(operands.get(1 - i));
        var normalized = operands.get(i);
        var x = normalizedOperand(normalized);
        if (x.isEmpty()) continue;
        var epsilon = epsilon(normalized, x.get());
        if (epsilon.isPresent() && isVector(scale, x.get())) {
          return Optional.of(
              g.add(
                  new Normalization.RmsNorm(epsilon.getAsDouble()),
                  replacement.get(x.get()),
                  vector(scale)));
        }
      }
      return Optional.empty();
    }

    private boolean isVector(Value value, Value x) {
      long width = x.dim(x.rank() - 1);
      return value.shape().size() == width
          && (value.rank() == 0 || value.dim(value.rank() - 1) == width)
          && value.type().dtype() == x.type().dtype();
    }

    private Value vector(Value value) {
      return g.reshape(replacement.get(value), Shape.of(value.shape().size()));
    }

    /** The operand whose deviation divides it, in a quotient or a product with the inverse. */
    private Optional<Value> normalizedOperand(Value normalized) {
      var quotient = match.binary(BinaryKind.DIV, normalized);
      if (!quotient.isEmpty()) return Optional.of(quotient.getFirst());
      return match.binary(BinaryKind.MUL, normalized).stream()
          .filter(x -> epsilon(normalized, x).isPresent())
          .findFirst();
    }

    /** ε where {@code normalized} is x divided by √(mean x² + ε). */
    private OptionalDouble epsilon(Value normalized, Value x) {
      var variance = Optional.<Value>empty();
      var quotient = match.binary(BinaryKind.DIV, normalized);
      if (!quotient.isEmpty() && quotient.getFirst().equals(x)) {
        variance = match.unary(UnaryKind.SQRT, match.source(quotient.get(1)));
      }
      var product = match.binary(BinaryKind.MUL, normalized);
      for (int i = 0; i < product.size(); i++) {
        if (product.get(i).equals(x)) variance = inverseRootOf(match.source(product.get(1 - i)));
      }
      if (variance.isEmpty()) return OptionalDouble.empty();
      var terms = match.binary(BinaryKind.ADD, match.source(variance.get()));
      for (int i = 0; i < terms.size(); i++) {
        var epsilon = match.number(terms.get(i));
        var square = match.lastMean(terms.get(1 - i)).flatMap(match::squared);
        if (epsilon.isPresent() && square.equals(Optional.of(x))) return epsilon;
      }
      return OptionalDouble.empty();
    }

    private Optional<Value> inverseRootOf(Value value) {
      var direct = match.unary(UnaryKind.RSQRT, value);
      if (direct.isPresent()) return direct;
      var quotient = match.binary(BinaryKind.DIV, value);
      return !quotient.isEmpty() && match.is(quotient.getFirst(), 1)
          ? match.unary(UnaryKind.SQRT, match.source(quotient.get(1)))
          : Optional.empty();
    }

    /** (x − mean x) / √(mean (x − mean x)² + ε) · scale + shift. */
    private Optional<Value> layerNorm(Value y) {
      var terms = match.binary(BinaryKind.ADD, y);
      for (int i = 0; i < terms.size(); i++) {
        var shift = match.source(terms.get(1 - i));
        var scaled = match.binary(BinaryKind.MUL, terms.get(i));
        for (int j = 0; j < scaled.size(); j++) {
          var scale = match.source(scaled.get(1 - j));
          var normalized = scaled.get(j);
          var centred = normalizedOperand(normalized);
          if (centred.isEmpty()) continue;
          var epsilon = epsilon(normalized, centred.get());
          var difference = match.binary(BinaryKind.SUB, centred.get());
          if (epsilon.isEmpty() || difference.isEmpty()) continue;
          var x = difference.getFirst();
          boolean mean = match.lastMean(difference.get(1)).equals(Optional.of(x));
          if (mean && isVector(scale, x) && isVector(shift, x)) {
            return Optional.of(
                g.add(
                    new Normalization.LayerNorm(1, epsilon.getAsDouble()),
                    replacement.get(x),
                    vector(scale),
                    vector(shift)));
          }
        }
      }
      return Optional.empty();
    }

    // ---- rotary embedding

    /** x·cos + concat(−x₂, x₁)·sin, where both halves of cos and sin are alike. */
    private Optional<Value> rotary(Value y) {
      var terms = match.binary(BinaryKind.ADD, y);
      for (int i = 0; i < terms.size(); i++) {
        for (var turned : match.binary(BinaryKind.MUL, terms.get(1 - i))) {
          var x = turnedOperand(turned);
          if (x.isEmpty()) continue;
          var cos = other(terms.get(i), x.get());
          var sin = other(terms.get(1 - i), turned);
          if (cos.isPresent() && sin.isPresent() && areHalves(cos.get()) && areHalves(sin.get())) {
            return Optional.of(
                g.add(
                    new Attention.RotaryEmbedding(false),
                    replacement.get(x.get()),
                    firstHalf(cos.get()),
                    firstHalf(sin.get())));
          }
        }
      }
      return Optional.empty();
    }

    private Optional<Value> other(Value product, Value factor) {
      var operands = match.binary(BinaryKind.MUL, product);
      for (int i = 0; i < operands.size(); i++) {
        if (operands.get(i).equals(factor)) return Optional.of(operands.get(1 - i));
      }
      return Optional.empty();
    }

    /** x of concat(−second half of x, first half of x). */
    private Optional<Value> turnedOperand(Value turned) {
      var node = match.by(turned, Primitive.Concatenate.class);
      if (node.isEmpty() || node.get().inputs().size() != 2) return Optional.empty();
      int last = turned.rank() - 1;
      long size = turned.dim(last);
      if (((Primitive.Concatenate) node.get().op()).axis() != last || size % 2 != 0) {
        return Optional.empty();
      }
      var second = match.unary(UnaryKind.NEG, node.get().inputs().getFirst());
      var first = node.get().inputs().get(1);
      return second
          .flatMap(value -> sliced(value, last, size / 2, size))
          .filter(x -> sliced(first, last, 0, size / 2).equals(Optional.of(x)));
    }

    private Optional<Value> sliced(Value value, int axis, long from, long to) {
      var node = match.by(value, Primitive.Slice.class);
      if (node.isEmpty()) return Optional.empty();
      var x = node.get().inputs().getFirst();
      var wanted = Primitive.sliceAxis(x.shape(), axis, from, to);
      return x.dim(axis) == 2 * (to - from) && node.get().op().equals(wanted)
          ? Optional.of(x)
          : Optional.empty();
    }

    /** Whether it is computed, element by element, from a concatenation of twice the same. */
    private boolean areHalves(Value value) {
      var node = graph.producer(value);
      if (value.rank() == 0) return false;
      if (node == null) return repeats.test(value);
      int last = value.rank() - 1;
      return switch (node.op()) {
        case Primitive.Concatenate c ->
            c.axis() == last
                && node.inputs().size() == 2
                && node.inputs().getFirst().equals(node.inputs().get(1));
        case Primitive.Constant c -> repeats(c.literal());
        case Primitive.Unary u -> areHalves(node.inputs().getFirst());
        case Primitive.Convert c -> areHalves(node.inputs().getFirst());
        case Primitive.Binary b ->
            node.inputs().stream()
                .allMatch(input -> match.number(input).isPresent() || areHalves(input));
        case Primitive.BroadcastInDim b -> {
          var x = node.inputs().getFirst();
          boolean keeps = x.rank() > 0 && b.axes().getLast() == last;
          yield keeps && x.dim(x.rank() - 1) == value.dim(last) && areHalves(x);
        }
        case Primitive.Reshape r -> {
          var x = node.inputs().getFirst();
          yield x.rank() > 0 && x.dim(x.rank() - 1) == value.dim(last) && areHalves(x);
        }
        default -> false;
      };
    }

    private static boolean repeats(Literal literal) {
      int size = (int) literal.type().dim(-1);
      int half = size / 2;
      for (int i = 0; i < literal.type().size(); i++) {
        boolean first = i % size < half;
        if (first && !literal.element(i).equals(literal.element(i + half))) return false;
      }
      return size % 2 == 0;
    }

    private Value firstHalf(Value value) {
      var narrow = replacement.get(match.unbroadcast(value));
      // A broadcast that only stretches leading axes is the composite's own.
      var operand = narrow.rank() == value.rank() ? narrow : replacement.get(value);
      int last = operand.rank() - 1;
      return g.slice(operand, last, 0, operand.dim(last) / 2);
    }

    // ---- attention

    /** softmax(scale · q·kᵀ + mask) · v over [B, H, S, D]. */
    private Optional<Value> attention(Node node, Primitive.DotGeneral dot) {
      var p = probabilities(node.inputs().getFirst());
      var v = node.inputs().get(1);
      if (p.isEmpty() || v.rank() != 4 || !isProduct(dot, 3, 2)) return Optional.empty();
      var scores = p.get();
      var mask = Optional.<Value>empty();
      var found = scaled(scores);
      var terms = match.binary(BinaryKind.ADD, scores);
      for (int i = 0; i < terms.size() && found.isEmpty(); i++) {
        found = scaled(terms.get(i));
        if (found.isPresent()) mask = Optional.of(terms.get(1 - i));
      }
      if (found.isEmpty()) return Optional.empty();
      var q = replacement.get(found.get().q());
      var k = g.transposeLast(replacement.get(found.get().kTransposed()));
      var operands = new ArrayList<>(List.of(q, k, replacement.get(v)));
      mask.ifPresent(m -> operands.add(replacement.get(narrow(m))));
      boolean one = q.type().dtype() == k.type().dtype() && v.type().dtype() == q.type().dtype();
      if (!one || q.dim(1) != k.dim(1)) return Optional.empty();
      double scale = found.get().scale();
      var op = new Attention.ScaledDotProductAttention(scale, false, mask.isPresent(), false, 0, 0);
      return Optional.of(g.addAll(op, operands).getFirst());
    }

    /** A mask as it was before it was stretched along the heads, if that alone was done. */
    private Value narrow(Value mask) {
      var node = match.by(mask, Primitive.BroadcastInDim.class);
      if (node.isEmpty()) return mask;
      var x = node.get().inputs().getFirst();
      var axes = ((Primitive.BroadcastInDim) node.get().op()).axes();
      var trailing = mask.shape().axes().subList(mask.rank() - x.rank(), mask.rank());
      return axes.equals(trailing) ? x : mask;
    }

    /** The scores of a softmax over the last axis, which may turn the NaN of empty rows to 0. */
    private Optional<Value> probabilities(Value value) {
      var node = match.by(value, Primitive.Select.class);
      if (node.isPresent()) {
        var inputs = node.get().inputs();
        var softmax = inputs.get(2);
        var nan = match.operands(inputs.getFirst(), new Primitive.Compare(CompareKind.NE));
        boolean guards = nan.equals(List.of(softmax, softmax)) && match.is(inputs.get(1), 0);
        return guards ? probabilities(softmax) : Optional.empty();
      }
      var inputs = match.operands(value, new SoftmaxOp.Softmax(3));
      return inputs.stream().findFirst().filter(scores -> scores.rank() == 4);
    }

    private static boolean isProduct(Primitive.DotGeneral dot, int left, int right) {
      return dot.leftBatch().equals(List.of(0, 1))
          && dot.rightBatch().equals(List.of(0, 1))
          && dot.leftContracting().equals(List.of(left))
          && dot.rightContracting().equals(List.of(right));
    }

    private record Scaled(Value q, Value kTransposed, double scale) {}

    /** q·kᵀ times a number, which may stand at the product or at either operand. */
    private Optional<Scaled> scaled(Value scores) {
      var outer = times(scores);
      var node = match.by(outer.value(), Primitive.DotGeneral.class);
      if (node.isEmpty() || !isProduct((Primitive.DotGeneral) node.get().op(), 3, 2)) {
        return Optional.empty();
      }
      var q = times(node.get().inputs().getFirst());
      var k = times(node.get().inputs().get(1));
      double scale = outer.factor() * q.factor() * k.factor();
      return Optional.of(new Scaled(q.value(), k.value(), scale));
    }

    private record Times(Value value, double factor) {}

    private Times times(Value value) {
      var quotient = match.binary(BinaryKind.DIV, value);
      if (!quotient.isEmpty()) {
        var divisor = match.number(quotient.get(1));
        if (divisor.isPresent()) {
          return new Times(quotient.getFirst(), 1 / divisor.getAsDouble());
        }
      }
      var product = match.binary(BinaryKind.MUL, value);
      for (int i = 0; i < product.size(); i++) {
        var factor = match.number(product.get(i));
        if (factor.isPresent()) return new Times(product.get(1 - i), factor.getAsDouble());
      }
      return new Times(value, 1);
    }
  }
}
