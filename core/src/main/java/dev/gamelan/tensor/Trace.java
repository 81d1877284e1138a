package dev.gamelan.tensor;

import dev.gamelan.engine.Device;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphPrinter;
import dev.gamelan.ir.RandomOp;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What a function computes for arguments of given types, as a graph.
 *
 * @param sources where each input of the graph comes from
 * @param assigned parameters that the last outputs are assigned to
 * @param sites the line of each node, for errors
 */
record Trace(
    Graph graph, List<Source> sources, int results, List<Parameter> assigned, List<String> sites) {
  sealed interface Source {
    record Argument(int index) implements Source {}

    record Key() implements Source {}

    record State(Parameter parameter) implements Source {}

    /** A tensor that the function uses from outside: the same one at every call. */
    record Captured(LazyValue value) implements Source {}

    /** Host data that the function makes anew at every trace. */
    record Made(LazyValue value) implements Source {}
  }

  static Trace of(
      Function<List<Tensor>, List<Tensor>> function,
      List<TensorType> types,
      Device device,
      boolean random) {
    var recording = new Recording(Recording.Kind.TRACE, null);
    var arguments = new ArrayList<LazyValue>();
    for (var type : types) {
      arguments.add(new LazyValue(recording.placeholder(device, type), 0));
    }
    var key = new LazyValue(recording.placeholder(device, RandomOp.KEY), 0);
    var draws = random ? new RandomState(RandomKey.of(new Tensor(key))) : null;
    try {
      var results =
          Context.current()
              .with(recording)
              .with(draws)
              .call(() -> function.apply(arguments.stream().map(Tensor::new).toList()));
      return capture(recording, arguments, key, results);
    } finally {
      recording.close();
    }
  }

  private static Trace capture(
      Recording recording, List<LazyValue> arguments, LazyValue key, List<Tensor> results) {
    var capture =
        new GraphCapture(value -> value.node().op == null || value.node().recording != recording);
    arguments.forEach(capture::addLeaf);
    var outputs = new ArrayList<>(results.stream().map(Tensor::lazy).toList());
    recording.assigned().values().forEach(value -> outputs.add(value.resolve()));
    outputs.forEach(capture::add);
    var sources = new ArrayList<Source>();
    var known = new HashMap<LazyValue, Source>();
    for (int i = 0; i < arguments.size(); i++) {
      known.put(arguments.get(i), new Source.Argument(i));
    }
    known.put(key, new Source.Key());
    recording.states().forEach((parameter, value) -> known.put(value, new Source.State(parameter)));
    for (var leaf : capture.leaves()) {
      var source = known.get(leaf);
      sources.add(source == null ? outside(recording, leaf) : source);
    }
    return new Trace(
        capture.graph(outputs),
        sources,
        results.size(),
        List.copyOf(recording.assigned().keySet()),
        capture.nodes().stream().map(node -> node.site).toList());
  }

  private static Source outside(Recording recording, LazyValue leaf) {
    // Lazy tensors from outside are evaluated once, here.
    Evaluation.run(List.of(leaf));
    var madeIn = leaf.node().recording;
    return madeIn != null && madeIn.isWithin(recording)
        ? new Source.Made(leaf)
        : new Source.Captured(leaf.resolve());
  }

  /**
   * Checks that tracing again gave the same: what differs depends on something that a trace does
   * not see.
   */
  void checkSame(Trace again) {
    var nodes = graph.nodes();
    var others = again.graph.nodes();
    for (int i = 0; i < Math.min(nodes.size(), others.size()); i++) {
      if (!nodes.get(i).equals(others.get(i))) {
        throw different(
            "'%s' at %s became '%s' at %s"
                .formatted(
                    GraphPrinter.print(nodes.get(i)),
                    sites.get(i),
                    GraphPrinter.print(others.get(i)),
                    again.sites.get(i)));
      }
    }
    if (!graph.equals(again.graph) || !assigned.equals(again.assigned)) {
      throw different(
          "%d ops and %d outputs became %d and %d"
              .formatted(
                  nodes.size(),
                  graph.outputs().size(),
                  others.size(),
                  again.graph.outputs().size()));
    }
    for (int i = 0; i < sources.size(); i++) {
      if (!same(sources.get(i), again.sources.get(i))) {
        var input = graph.inputs().get(i);
        var users =
            nodes.stream()
                .filter(node -> node.inputs().contains(input))
                .map(GraphPrinter::print)
                .limit(1)
                .collect(Collectors.joining());
        throw different(
            "input %d (%s), used by '%s', is another tensor".formatted(i, input.type(), users));
      }
    }
  }

  private static boolean same(Source source, Source other) {
    if (source instanceof Source.Made made && other instanceof Source.Made again) {
      return Arrays.equals(bytes(made.value()), bytes(again.value()));
    }
    return source.equals(other);
  }

  private static byte[] bytes(LazyValue value) {
    var buffer = value.buffer();
    if (buffer == null) throw new IllegalStateException("host data has a buffer");
    var bytes = new byte[(int) value.type().bytes()];
    buffer.acquire().read(MemorySegment.ofArray(bytes));
    buffer.release();
    return bytes;
  }

  private static IllegalStateException different(String what) {
    return new IllegalStateException(
        "the second trace of a compiled function differs from the first: %s; a trace sees arguments"
                .formatted(what)
            + " and parameters, not fields that change: pass what varies as an argument, or keep it"
            + " in a Parameter");
  }
}
