package dev.gamelan.engine;

/** A device's memory budget is spent; the message names the largest tensors that fill it. */
public final class OutOfMemoryException extends EngineException {
  public OutOfMemoryException(String message) {
    super(message);
  }
}
