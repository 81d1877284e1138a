package dev.gamelan.engine;

import java.util.List;

/**
 * What a device is.
 *
 * @param description a line for people
 * @param memoryBytes what tensors may fill
 * @param details further lines: by which means it computes what
 */
public record DeviceInfo(String description, long memoryBytes, List<String> details) {
  public DeviceInfo {
    details = List.copyOf(details);
  }

  public DeviceInfo(String description, long memoryBytes) {
    this(description, memoryBytes, List.of());
  }
}
