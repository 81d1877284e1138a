package dev.gamelan.pytorch;

import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedQueue;

/** Tensors for the small inputs of an executable: a set for each run that is under way. */
final class Staging {
  /** For each input its tensor, if it is small. */
  record Area(List<Optional<PyTorchBuffer>> tensors) {
    private void close() {
      tensors.forEach(tensor -> tensor.ifPresent(PyTorchBuffer::close));
    }
  }

  private final List<TensorType> inputTypes;
  private final boolean onHost;
  private final ConcurrentLinkedQueue<Area> unused = new ConcurrentLinkedQueue<>();
  private volatile boolean closed;

  Staging(List<TensorType> inputTypes, boolean onHost) {
    this.inputTypes = inputTypes;
    this.onHost = onHost;
  }

  /** The caller's until it is given back. */
  Area take() {
    var area = unused.poll();
    if (area != null) return area;
    var tensors = new ArrayList<Optional<PyTorchBuffer>>();
    for (var type : inputTypes) {
      tensors.add(
          onHost && SmallBuffer.isSmall(type, Devices.HOST)
              ? Optional.of(PyTorchBuffer.tensor(type, Devices.HOST))
              : Optional.empty());
    }
    return new Area(tensors);
  }

  void giveBack(Area area) {
    unused.add(area);
    if (closed) close();
  }

  /** Those under way are freed when they come back. */
  void close() {
    closed = true;
    for (var area = unused.poll(); area != null; area = unused.poll()) area.close();
  }
}
