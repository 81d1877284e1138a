package dev.gamelan.data;

import dev.gamelan.io.HostArray;
import java.util.List;

/** One example as arrays, a column for each: input and target, say. */
public record Example(List<HostArray> columns) {
  public Example {
    columns = List.copyOf(columns);
  }

  public static Example of(HostArray... columns) {
    return new Example(List.of(columns));
  }
}
