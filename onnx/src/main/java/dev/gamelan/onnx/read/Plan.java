package dev.gamelan.onnx.read;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Value;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.pass.CompositeRecognition;
import java.util.ArrayList;
import java.util.List;

/**
 * A model as one graph, for inputs of one signature.
 *
 * @param sources what each input of the graph is
 * @param results what each output of the model is
 */
public record Plan(Graph graph, List<Source> sources, List<Result> results) {
  /** Where an input of the graph comes from. */
  public sealed interface Source {
    /** An input of the model. */
    record Argument(String name) implements Source {}

    /** A tensor of the file. */
    record Weight(Operand.Weight weight) implements Source {}

    /** Numbers that were worked out at import, too many for a constant of the graph. */
    record Constant(Array array) implements Source {}

    /** A random key. */
    record Key() implements Source {}
  }

  /** Where an output of the model comes from. */
  public sealed interface Result {
    /** An output of the graph. */
    record Output(int index) implements Result {}

    /** Numbers that were worked out at import. */
    record Constant(Array array) implements Result {}
  }

  static Plan of(Importer importer, List<Operand> outputs) {
    var block = importer.root();
    var values = new ArrayList<Value>();
    var results = new ArrayList<Result>();
    for (var output : outputs) {
      switch (output) {
        case Operand.Known known -> results.add(new Result.Constant(known.array()));
        case Operand.Sequence s -> throw new OnnxException("an output is a sequence, not a tensor");
        case Operand.Missing m -> throw new OnnxException("an output is an empty optional");
        case Operand.Computed c -> results.add(output(values, block.value(c)));
        case Operand.Weight w -> results.add(output(values, block.value(w)));
        case Operand.Key k -> results.add(output(values, block.value(k)));
      }
    }
    var sources = sources(importer);
    var graph = block.build(values);
    var recognition =
        new CompositeRecognition(input -> repeats(sources.get(graph.inputs().indexOf(input))));
    return new Plan(recognition.apply(graph), sources, results);
  }

  /** Whether both halves of the last axis are alike, as in the tables of rotary embeddings. */
  private static boolean repeats(Source source) {
    if (!(source instanceof Source.Constant(Array array)) || array.type().rank() == 0) return false;
    if (!array.type().dtype().isFloat() || array.type().dim(-1) % 2 != 0) return false;
    int size = (int) array.type().dim(-1);
    for (int i = 0; i < array.size(); i++) {
      boolean first = i % size < size / 2;
      if (first && array.floats()[i] != array.floats()[i + size / 2]) return false;
    }
    return true;
  }

  private static Result output(List<Value> values, Value value) {
    values.add(value);
    return new Result.Output(values.size() - 1);
  }

  /** What the inputs of the importer's graph are, so far. */
  static List<Source> sources(Importer importer) {
    var sources = new ArrayList<Source>();
    importer.arguments().forEach(name -> sources.add(new Source.Argument(name)));
    for (var operand : importer.root().captured()) {
      sources.add(
          switch (operand) {
            case Operand.Weight weight -> new Source.Weight(weight);
            case Operand.Known known -> new Source.Constant(known.array());
            case Operand.Key key -> new Source.Key();
            case Operand.Computed c -> throw new IllegalStateException("a value of no block");
            case Operand.Sequence s -> throw new IllegalStateException("a sequence as an input");
            case Operand.Missing m -> throw new IllegalStateException("nothing as an input");
          });
    }
    return sources;
  }
}
