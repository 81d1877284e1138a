package dev.gamelan.pytorch;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Engines;
import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.exchange.ExportInput;
import dev.gamelan.ir.Graph;
import dev.gamelan.pass.StorageExpansion;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Writes graphs as TorchScript files (archive format 10) that PyTorch loads without Gamelan: in
 * Python, in C++, through DJL. Tried with 2.7 and 2.13. A file is there whole or not at all.
 */
public final class TorchScriptFile {
  /** Python's, and what the source of an archive uses itself. */
  private static final Set<String> KEYWORDS =
      Set.of(
          "and",
          "as",
          "assert",
          "async",
          "await",
          "break",
          "class",
          "continue",
          "def",
          "del",
          "elif",
          "else",
          "except",
          "finally",
          "for",
          "from",
          "global",
          "if",
          "import",
          "in",
          "is",
          "lambda",
          "nonlocal",
          "not",
          "or",
          "pass",
          "raise",
          "return",
          "try",
          "while",
          "with",
          "yield",
          "False",
          "None",
          "True",
          "self",
          "torch",
          "training",
          "forward",
          "annotate",
          "ops",
          "bool",
          "range",
          "CONSTANTS");

  /** Of inputs, values and constants in the source. */
  private static final Pattern OWN_NAMES = Pattern.compile("[xvk][0-9]+");

  private TorchScriptFile() {}

  /**
   * The module's {@code forward} takes the arguments in their order and gives a tensor, or a tuple
   * where the graph has several outputs.
   *
   * @param inputs one for each input of the graph; what Python allows in no name becomes an
   *     underscore
   * @throws IllegalArgumentException if they are not as many, or an argument or output has a
   *     storage dtype
   * @throws dev.gamelan.engine.EngineException naming the op or dtype that PyTorch has not
   */
  public static void write(Path file, Graph graph, List<ExportInput> inputs) throws IOException {
    ExportInput.check(graph, inputs);
    var prepared = Engines.checked(graph, Devices.HOST, CompileOptions.DEFAULT);
    var script = PyTorchLowering.lower(StorageExpansion.apply(prepared), "cpu", Set.of(), Set.of());
    var arguments = new ArrayList<TorchScript.Argument>();
    var attributes = new ArrayList<TorchScriptArchive.Attribute>();
    var names = new HashSet<String>();
    for (int i = 0; i < inputs.size(); i++) {
      var input = inputs.get(i);
      var name = unique(input.name(), names);
      var type = StorageExpansion.packed(graph.inputTypes().get(i));
      arguments.add(new TorchScript.Argument(name, input.value() != null));
      if (input.value() != null) {
        attributes.add(new TorchScriptArchive.Attribute(name, type, input.value()));
      }
    }
    for (var constant : script.constants()) {
      var name = unique("constant", names);
      arguments.add(new TorchScript.Argument(name, true));
      var bytes = MemorySegment.ofBuffer(constant.bytes());
      attributes.add(new TorchScriptArchive.Attribute(name, constant.type(), bytes));
    }
    var source = script.source(arguments);
    AtomicFiles.write(
        file,
        channel -> {
          var out = new BufferedOutputStream(Channels.newOutputStream(channel));
          TorchScriptArchive.write(out, source, attributes);
        });
  }

  private static String unique(String name, Set<String> taken) {
    var plain = name.replaceAll("[^A-Za-z0-9_]", "_");
    var start = plain.isEmpty() || Character.isDigit(plain.charAt(0)) ? "_" + plain : plain;
    if (KEYWORDS.contains(start) || OWN_NAMES.matcher(start).matches()) start += "_";
    var unique = start;
    for (int i = 1; !taken.add(unique); i++) unique = start + "_" + i;
    return unique;
  }
}
