package dev.gamelan.pytorch;

import dev.gamelan.type.DType;
import java.util.function.LongSupplier;

/**
 * What is done with tensors outside of graphs, as modules: DJL's own functions take dtypes by
 * numbers of which some end the process.
 */
final class Tensors {
  private static final Module EMPTY =
      Module.of(
          """
            def forward(self: __torch__.M, shape: List[int], dtype: int, device: str) -> List[Tensor]:
              return [torch.empty(shape, dtype=dtype, layout=None, device=torch.device(device), pin_memory=False)]
          """);

  private static final Module FIRST =
      Module.of(
          """
            def forward(self: __torch__.M, x: Tensor) -> List[Tensor]:
              return [torch.slice(torch.reshape(x, [-1]), 0, 0, 1, 1)]
          """);

  private static final Module ALIAS =
      Module.of(
          """
            def forward(self: __torch__.M, x: Tensor) -> List[Tensor]:
              return [torch.detach(x)]
          """);

  private static final Module TO_HOST =
      Module.of(
          """
            def forward(self: __torch__.M, x: Tensor) -> List[Tensor]:
              return [torch.to(x, torch.device("cpu"), None)]
          """);

  private static final Module COPY =
      Module.of(
          """
            def forward(self: __torch__.M, to: Tensor, x: Tensor) -> List[Tensor]:
              return [torch.copy_(to, x)]
          """);

  private Tensors() {}

  /** A new tensor of unspecified contents. */
  static long empty(long[] shape, DType dtype, String device) {
    int code = ScalarTypes.djlCode(dtype);
    if (code >= 0 && device.equals("cpu")) return PyTorchBindings.empty(shape, code);
    return one(
        EMPTY,
        () -> PyTorchBindings.value(shape),
        () -> PyTorchBindings.numberValue(ScalarTypes.code(dtype)),
        () -> PyTorchBindings.value(device));
  }

  /** A view of the first element. */
  static long first(long tensor) {
    return one(FIRST, () -> PyTorchBindings.value(tensor));
  }

  /** Another tensor in the same memory. */
  static long alias(long tensor) {
    return one(ALIAS, () -> PyTorchBindings.value(tensor));
  }

  static long toHost(long tensor) {
    return one(TO_HOST, () -> PyTorchBindings.value(tensor));
  }

  /** Overwrites {@code to}, which may be on another device. */
  static void copy(long to, long from) {
    PyTorchBindings.deleteTensor(
        one(COPY, () -> PyTorchBindings.value(to), () -> PyTorchBindings.value(from)));
  }

  private static long one(Module module, LongSupplier... arguments) {
    var values = new long[arguments.length];
    try {
      for (int i = 0; i < values.length; i++) values[i] = arguments[i].getAsLong();
      return module.run(values)[0];
    } finally {
      for (long value : values) if (value != 0) PyTorchBindings.deleteValue(value);
    }
  }
}
