package dev.gamelan.ir;

/**
 * An op got operands that it does not take. The message says what it got, needs, and the remedy.
 */
public final class ShapeException extends IllegalArgumentException {
  public ShapeException(String message) {
    super(message);
  }
}
