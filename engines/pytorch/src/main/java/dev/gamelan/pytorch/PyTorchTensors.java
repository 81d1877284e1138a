package dev.gamelan.pytorch;

import dev.gamelan.engine.Buffer;
import java.util.OptionalLong;

/** PyTorch's own tensors behind buffers. */
public final class PyTorchTensors {
  private PyTorchTensors() {}

  /**
   * The handle, as DJL's PyTorch engine has them, of another tensor in the buffer's memory, which
   * stays until both are freed. The caller deletes it, and writes nothing to it. Empty if the
   * buffer is not in PyTorch's memory: one of another engine, or small and on the JVM's heap.
   */
  public static OptionalLong share(Buffer buffer) {
    return buffer instanceof PyTorchBuffer tensor && !tensor.type().dtype().isStorage()
        ? OptionalLong.of(tensor.share())
        : OptionalLong.empty();
  }
}
