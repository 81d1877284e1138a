package dev.gamelan.onnx;

/** A model that can't be read, imported or exported, and why. */
public final class OnnxException extends RuntimeException {
  private static final long serialVersionUID = 1;

  public OnnxException(String message) {
    super(message);
  }

  public OnnxException(String message, Throwable cause) {
    super(message, cause);
  }
}
