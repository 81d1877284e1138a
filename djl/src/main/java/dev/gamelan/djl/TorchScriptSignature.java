package dev.gamelan.djl;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.gamelan.exchange.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;

/**
 * What a TorchScript archive says of its module's {@code forward}: the names of its arguments, and
 * how many tensors it gives. The pickle {@code data.pkl} begins with the module's class, whose
 * source is a file of the archive.
 */
record TorchScriptSignature(List<TensorInfo> inputs, List<TensorInfo> outputs) {
  /** Of a pickle's op GLOBAL: its letter, and the names of a module and a class, a line each. */
  private static final Pattern CLASS = Pattern.compile("c(__torch__[\\w.]*)\n(\\w+)\n");

  /** Before a parameter, which is a name and a type. */
  private static final Pattern PARAMETER = Pattern.compile(",\\s*(?=\\w+\\s*:)");

  private static final Pattern FORWARD =
      Pattern.compile("def forward\\(self: [\\w.]+(.*?)\\) -> ([^\n]*):\n", Pattern.DOTALL);
  private static final Pattern TENSORS = Pattern.compile("Tensor");

  /** More source than a module with thousands of layers has. */
  private static final int MOST_BYTES = 1 << 26;

  static TorchScriptSignature read(Path file) throws IOException {
    try (var zip = new ZipFile(file.toFile())) {
      var pickle =
          zip.stream()
              .filter(entry -> entry.getName().matches("[^/]+/data\\.pkl"))
              .findFirst()
              .orElseThrow(() -> new IOException("no archive of TorchScript: it has no data.pkl"));
      var folder = pickle.getName().substring(0, pickle.getName().indexOf('/') + 1);
      var root = CLASS.matcher(text(zip, pickle.getName()));
      if (!root.find()) throw new IOException("its data.pkl names no module");
      var path = folder + "code/" + root.group(1).replace('.', '/') + ".py";
      return of(text(zip, path), root.group(2));
    }
  }

  private static String text(ZipFile zip, String name) throws IOException {
    var entry = zip.getEntry(name);
    if (entry == null) throw new IOException("it has no " + name);
    try (var in = zip.getInputStream(entry)) {
      var bytes = in.readNBytes(MOST_BYTES);
      // A pickle's names are ASCII, whatever stands between them.
      return new String(bytes, UTF_8);
    }
  }

  private static TorchScriptSignature of(String source, String name) throws IOException {
    var start = Pattern.compile("^class " + name + "\\(", Pattern.MULTILINE).matcher(source);
    int from = start.find() ? start.start() : 0;
    var forward = FORWARD.matcher(source);
    if (!forward.find(from)) throw new IOException("its module has no forward");
    return new TorchScriptSignature(inputs(forward.group(1)), outputs(forward.group(2)));
  }

  /** Those without a default. */
  private static List<TensorInfo> inputs(String parameters) {
    return PARAMETER
        .splitAsStream(parameters)
        .filter(parameter -> !parameter.isBlank() && !parameter.contains("="))
        .map(parameter -> TensorInfo.named(parameter.substring(0, parameter.indexOf(':')).strip()))
        .toList();
  }

  /** By their places, since they have no names; a list's length only a run shows. */
  private static List<TensorInfo> outputs(String type) {
    if (type.startsWith("List") || type.startsWith("Dict")) return List.of();
    long count = TENSORS.matcher(type).results().count();
    var outputs = new ArrayList<TensorInfo>();
    for (int i = 0; i < count; i++) outputs.add(TensorInfo.named(Integer.toString(i)));
    return outputs;
  }
}
