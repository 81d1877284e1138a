package dev.gamelan.engine;

/** A place where tensors live and graphs run. Prints as {@code reference:0}. */
public record Device(String engine, int index) {
  /** Reads what {@link #toString} writes; the index may be left out. */
  public static Device parse(String text) {
    int colon = text.indexOf(':');
    if (colon < 0) return new Device(text, 0);
    try {
      return new Device(text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "'%s' is no device; one looks like reference:0".formatted(text), e);
    }
  }

  @Override
  public String toString() {
    return engine + ":" + index;
  }
}
