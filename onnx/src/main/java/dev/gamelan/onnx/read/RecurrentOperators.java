package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.ir.Activation;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Recurrent;
import dev.gamelan.ir.UnaryKind;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * RNN, GRU and LSTM over x [T, N, I]. Plain ones become our composites; those with other
 * activations, clipping, peepholes or lengths a scan of their own.
 */
final class RecurrentOperators {
  private RecurrentOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("RNN", Operator.all(n -> recurrent(n, Cell.RNN))),
        entry("GRU", Operator.all(n -> recurrent(n, Cell.GRU))),
        entry("LSTM", Operator.all(n -> recurrent(n, Cell.LSTM))));
  }

  private enum Cell {
    RNN(1, 1, "Tanh"),
    GRU(3, 1, "Sigmoid Tanh"),
    LSTM(4, 2, "Sigmoid Tanh Tanh");

    final int gates;
    final int states;
    private final String activations;

    Cell(int gates, int states, String activations) {
      this.gates = gates;
      this.states = states;
      this.activations = activations;
    }

    List<String> activations() {
      return List.of(activations.split(" "));
    }
  }

  /** The operands of one direction. */
  private record Direction(
      Value weights,
      Value recurrent,
      Value biases,
      List<Value> states,
      boolean reverse,
      int number) {}

  private static List<Value> recurrent(OpContext n, Cell cell) {
    var g = n.g;
    boolean batchFirst = n.flag("layout", false);
    var x = batchFirst ? g.transpose(n.x(0), List.of(1, 0, 2)) : n.x(0);
    var direction = n.text("direction", "forward");
    int directions = direction.equals("bidirectional") ? 2 : 1;
    if (x.rank() != 3 || n.type(1).rank() != 3 || n.type(1).dim(0) != directions) {
      throw n.error(
          "needs x [T, N, I] and weights [%d, …]; got %s and %s"
              .formatted(directions, x.type(), n.type(1)));
    }
    long hidden = n.type(2).dim(-1);
    var ys = new ArrayList<Value>();
    var lasts = new ArrayList<List<Value>>();
    for (int d = 0; d < directions; d++) {
      var states = new ArrayList<Value>();
      for (int s = 0; s < cell.states; s++) {
        var type = x.type().with(Shape.of(x.dim(1), hidden));
        if (!n.has(5 + s)) {
          states.add(g.fill(type, 0));
          continue;
        }
        var initial = batchFirst ? g.transpose(n.x(5 + s), List.of(1, 0, 2)) : n.x(5 + s);
        states.add(of(g, initial, d));
      }
      var biases =
          n.has(3)
              ? of(g, n.x(3), d)
              : g.fill(x.type().with(Shape.of(2L * cell.gates * hidden)), 0);
      boolean reverse = d == 1 || direction.equals("reverse");
      var operands = new Direction(of(g, n.x(1), d), of(g, n.x(2), d), biases, states, reverse, d);
      var results = run(n, cell, x, operands, hidden);
      ys.add(g.reshape(results.getFirst(), results.getFirst().shape().insert(1, 1)));
      lasts.add(results.subList(1, results.size()));
    }
    var outputs = new ArrayList<Value>();
    var y = g.concatenate(1, ys);
    outputs.add(batchFirst ? g.transpose(y, List.of(2, 0, 1, 3)) : y);
    for (int s = 0; s < cell.states; s++) {
      var parts = new ArrayList<Value>();
      for (var last : lasts) parts.add(g.reshape(last.get(s), last.get(s).shape().insert(0, 1)));
      var last = g.concatenate(0, parts);
      outputs.add(batchFirst ? g.transpose(last, List.of(1, 0, 2)) : last);
    }
    return outputs;
  }

  private static Value of(GraphBuilder g, Value stacked, int direction) {
    return g.reshape(
        g.slice(stacked, 0, direction, direction + 1), stacked.shape().without(List.of(0)));
  }

  private static boolean isPlain(OpContext n, Cell cell) {
    return !n.hasAttribute("activations")
        && !n.hasAttribute("clip")
        && !n.has(4)
        && !n.has(7)
        && !n.flag("input_forget", false)
        && (cell != Cell.GRU || n.flag("linear_before_reset", false));
  }

  /** Every h, then the last states. */
  private static List<Value> run(OpContext n, Cell cell, Value x, Direction d, long hidden) {
    var g = n.g;
    if (cell != Cell.RNN && isPlain(n, cell)) {
      // ONNX orders gates i, o, f, c and z, r, h; the composites i, f, c, o and r, z, n.
      var order = cell == Cell.LSTM ? List.of(0, 2, 3, 1) : List.of(1, 0, 2);
      var w = ordered(g, d.weights(), order, hidden);
      var r = ordered(g, d.recurrent(), order, hidden);
      long half = cell.gates * hidden;
      var inputBias = ordered(g, g.slice(d.biases(), 0, 0, half), order, hidden);
      var stateBias = ordered(g, g.slice(d.biases(), 0, half, 2 * half), order, hidden);
      var operands = new ArrayList<>(List.of(x));
      operands.addAll(d.states());
      operands.addAll(List.of(w, r));
      if (cell == Cell.LSTM) {
        operands.add(g.add(inputBias, stateBias));
        return g.addAll(new Recurrent.Lstm(d.reverse()), operands);
      }
      operands.addAll(List.of(inputBias, stateBias));
      return g.addAll(new Recurrent.Gru(d.reverse()), operands);
    }
    return scan(n, cell, x, d, hidden);
  }

  private static Value ordered(GraphBuilder g, Value stacked, List<Integer> order, long hidden) {
    return g.concatenate(
        0, order.stream().map(i -> g.slice(stacked, 0, i * hidden, (i + 1) * hidden)).toList());
  }

  private static List<Value> scan(OpContext n, Cell cell, Value x, Direction d, long hidden) {
    var g = n.g;
    long gates = cell.gates * hidden;
    var inputBias = g.slice(d.biases(), 0, 0, gates);
    var stateBias = g.slice(d.biases(), 0, gates, 2 * gates);
    var flat = g.reshape(x, Shape.of(x.dim(0) * x.dim(1), x.dim(2)));
    var projected = g.add(g.matmul(flat, g.transposeLast(d.weights())), inputBias);
    var operands = new ArrayList<>(d.states());
    operands.add(g.reshape(projected, Shape.of(x.dim(0), x.dim(1), gates)));
    operands.add(g.iota(TensorType.of(DType.I32, x.dim(0)), 0));
    int free = operands.size();
    operands.add(g.transposeLast(d.recurrent()));
    operands.add(stateBias);
    if (n.has(4)) operands.add(g.convert(n.x(4), DType.I32));
    int peepholes = operands.size();
    if (n.has(7)) operands.add(of(g, n.x(7), d.number()));
    var types = new ArrayList<TensorType>();
    for (int i = 0; i < operands.size(); i++) {
      var type = operands.get(i).type();
      boolean sequence = i >= cell.states && i < free;
      types.add(sequence ? type.with(type.shape().without(List.of(0))) : type);
    }
    var activations = activations(n, cell, d.number());
    var body =
        GraphBuilder.trace(
            types,
            (b, v) -> {
              var step = new Step(n, b, activations, hidden);
              var fromInput = v.get(cell.states);
              var recurrent = v.get(free);
              var bias = v.get(free + 1);
              var states = v.subList(0, cell.states);
              var next =
                  switch (cell) {
                    case RNN -> step.rnn(states, fromInput, recurrent, bias);
                    case GRU -> step.gru(states, fromInput, recurrent, bias);
                    case LSTM ->
                        step.lstm(
                            states,
                            fromInput,
                            recurrent,
                            bias,
                            n.has(7)
                                ? v.get(peepholes)
                                : b.fill(bias.type().with(Shape.of(3 * hidden)), 0));
                  };
              if (!n.has(4)) {
                var results = new ArrayList<>(next);
                results.add(next.getFirst());
                return results;
              }
              // Behind the end of a row its state stays, and it gives zeros.
              var lengths = v.get(free + 2);
              var running = b.compare(CompareKind.LT, v.get(cell.states + 1), lengths);
              var results = new ArrayList<Value>();
              for (int s = 0; s < cell.states; s++) {
                var mask = b.broadcastInDim(running, next.get(s).shape(), List.of(0));
                results.add(b.select(mask, next.get(s), states.get(s)));
              }
              var mask = b.broadcastInDim(running, next.getFirst().shape(), List.of(0));
              results.add(b.select(mask, next.getFirst(), b.zerosLike(next.getFirst())));
              return results;
            });
    var op = new Primitive.Scan(body, x.dim(0), cell.states, 2, d.reverse());
    var results = g.addAll(op, operands);
    var ordered = new ArrayList<>(List.of(results.getLast()));
    ordered.addAll(results.subList(0, cell.states));
    return ordered;
  }

  private interface Activate {
    Value apply(GraphBuilder g, Value x);
  }

  private static List<Activate> activations(OpContext n, Cell cell, int direction) {
    var names = new ArrayList<String>();
    var given = n.attribute("activations");
    if (given == null) {
      names.addAll(cell.activations());
      names.addAll(cell.activations());
    } else {
      names.addAll(given.texts());
    }
    int count = cell.activations().size();
    if (names.size() < count * (direction + 1)) throw n.error("has too few activations: " + names);
    var alphas = n.numbers("activation_alpha", List.of());
    var betas = n.numbers("activation_beta", List.of());
    var activations = new ArrayList<Activate>();
    for (int i = count * direction; i < count * (direction + 1); i++) {
      double alpha = i < alphas.size() ? alphas.get(i) : Double.NaN;
      double beta = i < betas.size() ? betas.get(i) : Double.NaN;
      activations.add(activation(n, names.get(i), alpha, beta));
    }
    return activations;
  }

  private static Activate activation(OpContext n, String name, double alpha, double beta) {
    UnaryOperator<Double> a = otherwise -> Double.isNaN(alpha) ? otherwise : alpha;
    UnaryOperator<Double> b = otherwise -> Double.isNaN(beta) ? otherwise : beta;
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "relu" -> (g, x) -> g.add(new Activation.Relu(), x);
      case "tanh" -> GraphBuilder::tanh;
      case "sigmoid" -> GraphBuilder::logistic;
      case "affine" -> (g, x) -> g.add(g.mul(x, a.apply(1.0)), b.apply(0.0));
      case "leakyrelu" -> (g, x) -> g.add(new Activation.LeakyRelu(a.apply(0.01)), x);
      case "thresholdedrelu" ->
          (g, x) -> g.select(g.compare(CompareKind.GE, x, a.apply(1.0)), x, g.zerosLike(x));
      case "scaledtanh" -> (g, x) -> g.mul(g.tanh(g.mul(x, b.apply(1.0))), a.apply(1.0));
      case "hardsigmoid" ->
          (g, x) -> ActivationOperators.hardSigmoid(g, x, a.apply(0.2), b.apply(0.5));
      case "elu" -> (g, x) -> g.add(new Activation.Elu(a.apply(1.0)), x);
      case "softsign" -> (g, x) -> g.div(x, g.add(g.unary(UnaryKind.ABS, x), 1));
      case "softplus" -> ActivationOperators::softplus;
      default -> throw n.error("has the activation '%s'".formatted(name));
    };
  }

  /** One step of a cell in the body of a scan. */
  private record Step(OpContext n, GraphBuilder b, List<Activate> activations, long hidden) {
    private Value clip(Value x) {
      if (!n.hasAttribute("clip")) return x;
      double limit = n.number("clip", 0);
      return b.min(b.max(x, -limit), limit);
    }

    private Value gate(Value all, int index) {
      return b.slice(all, all.rank() - 1, index * hidden, (index + 1) * hidden);
    }

    private Value activate(int index, Value x) {
      return activations.get(index).apply(b, clip(x));
    }

    List<Value> rnn(List<Value> states, Value fromInput, Value recurrent, Value bias) {
      var sum = b.add(fromInput, b.add(b.matmul(states.getFirst(), recurrent), bias));
      return List.of(activate(0, sum));
    }

    List<Value> gru(List<Value> states, Value fromInput, Value recurrent, Value bias) {
      var h = states.getFirst();
      var fromState = b.matmul(h, recurrent);
      var update = activate(0, sum(fromInput, fromState, bias, 0));
      var reset = activate(0, sum(fromInput, fromState, bias, 1));
      Value candidate;
      if (n.flag("linear_before_reset", false)) {
        candidate = b.mul(reset, b.add(gate(fromState, 2), gate(bias, 2)));
      } else {
        var last = b.slice(recurrent, 1, 2 * hidden, 3 * hidden);
        candidate = b.add(b.matmul(b.mul(reset, h), last), gate(bias, 2));
      }
      var fresh = activate(1, b.add(gate(fromInput, 2), candidate));
      return List.of(b.add(b.mul(b.sub(1, update), fresh), b.mul(update, h)));
    }

    private Value sum(Value fromInput, Value fromState, Value bias, int index) {
      return b.add(gate(fromInput, index), b.add(gate(fromState, index), gate(bias, index)));
    }

    List<Value> lstm(
        List<Value> states, Value fromInput, Value recurrent, Value bias, Value peepholes) {
      var c = states.get(1);
      var fromState = b.matmul(states.getFirst(), recurrent);
      var input = activate(0, peep(sum(fromInput, fromState, bias, 0), peepholes, 0, c));
      var forget =
          n.flag("input_forget", false)
              ? b.sub(1, input)
              : activate(0, peep(sum(fromInput, fromState, bias, 2), peepholes, 2, c));
      var fresh = activate(1, sum(fromInput, fromState, bias, 3));
      var cell = b.add(b.mul(forget, c), b.mul(input, fresh));
      var output = activate(0, peep(sum(fromInput, fromState, bias, 1), peepholes, 1, cell));
      return List.of(b.mul(output, activations.get(2).apply(b, cell)), cell);
    }

    /** Peepholes are ordered i, o, f. */
    private Value peep(Value x, Value peepholes, int index, Value cell) {
      return b.add(x, b.mul(cell, gate(peepholes, index)));
    }
  }
}
