package dev.gamelan.data;

import java.nio.file.Path;

/** A record of a source that can't be read: says which file, which line, and why. */
public final class BrokenRecordException extends RuntimeException {
  public BrokenRecordException(Path file, String why) {
    super("%s: %s".formatted(file, why));
  }

  /**
   * @param line from 1
   */
  public BrokenRecordException(Path file, long line, String why) {
    super("%s:%d: %s".formatted(file, line, why));
  }
}
