package dev.gamelan.engine;

/** An engine could not compile or run; the message says what, on which device, and the remedy. */
public class EngineException extends RuntimeException {
  public EngineException(String message) {
    super(message);
  }

  public EngineException(String message, Throwable cause) {
    super(message, cause);
  }
}
