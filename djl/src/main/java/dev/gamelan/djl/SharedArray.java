package dev.gamelan.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import dev.gamelan.pytorch.PyTorchTensors;
import dev.gamelan.tensor.Tensor;
import java.util.Optional;
import java.util.OptionalLong;

/** An array of DJL's PyTorch in a tensor's memory; a class of its own, as both are optional. */
final class SharedArray {
  private SharedArray() {}

  /** Empty if the tensor is not in PyTorch's memory. */
  static Optional<NDArray> of(Tensor tensor, NDManager manager) {
    OptionalLong handle = tensor.withBuffer(PyTorchTensors::share);
    return handle.isPresent()
        ? Optional.of(new PtNDArray((PtNDManager) manager, handle.getAsLong()))
        : Optional.empty();
  }
}
