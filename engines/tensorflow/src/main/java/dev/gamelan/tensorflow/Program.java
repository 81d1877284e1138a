package dev.gamelan.tensorflow;

import dev.gamelan.ir.Graph;
import dev.gamelan.pass.StorageExpansion;
import dev.gamelan.stablehlo.StableHloPrinter;
import java.util.ArrayList;
import java.util.List;

/**
 * A graph as a GraphDef.
 *
 * @param graph its nodes
 * @param inputs the names of what is fed
 * @param outputs the names of what is fetched
 * @param text that shows what runs
 */
record Program(GraphWriter graph, List<String> inputs, List<String> outputs, String text) {
  static Program of(Graph graph, Lowering lowering) {
    var expanded = StorageExpansion.apply(graph);
    var writer = new GraphWriter();
    var inputs = new ArrayList<String>();
    for (var input : expanded.inputs()) {
      inputs.add(writer.placeholder("x" + inputs.size(), input.type()));
    }
    if ((lowering == Lowering.AUTO ? Choice.of(expanded) : lowering) == Lowering.GRAPH) {
      var outputs = GraphLowering.lower(expanded, writer, inputs);
      return new Program(writer, inputs, outputs, writer.toString());
    }
    var stableHlo = StableHloPrinter.print(expanded);
    var outputs =
        XlaCall.add(writer, stableHlo, inputs, expanded.inputTypes(), expanded.outputTypes());
    return new Program(writer, inputs, outputs, stableHlo);
  }
}
