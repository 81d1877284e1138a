package dev.gamelan.tck;

import dev.gamelan.engine.Device;
import dev.gamelan.type.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Which ops passed their rows for which dtypes, as a table. */
final class SupportMatrix {
  private final Map<String, Set<DType>> passed = new TreeMap<>();

  synchronized void passed(String op, DType dtype) {
    passed.computeIfAbsent(op, name -> EnumSet.noneOf(DType.class)).add(dtype);
  }

  synchronized void write(Path file, Device device) throws IOException {
    var dtypes = Arrays.stream(DType.values()).filter(dtype -> !dtype.isStorage()).toList();
    var text = new StringBuilder("# What %s computes%n%n".formatted(device.engine()));
    text.append(
        dtypes.stream().map(DType::toString).collect(Collectors.joining(" | ", "| op | ", " |\n")));
    text.append("|---|").append("---|".repeat(dtypes.size())).append('\n');
    passed.forEach(
        (op, of) ->
            text.append(
                dtypes.stream()
                    .map(dtype -> of.contains(dtype) ? "✓" : "")
                    .collect(Collectors.joining(" | ", "| " + op + " | ", " |\n"))));
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }
}
