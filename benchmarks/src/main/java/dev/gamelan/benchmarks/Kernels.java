package dev.gamelan.benchmarks;

import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Convolution;
import dev.gamelan.nn.LayerNorm;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Sequential;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.function.UnaryOperator;

/** Single kernels, whose operands are where they are computed. */
final class Kernels {
  private Kernels() {}

  static List<Program> all() {
    return List.of(
        matmul("matmul-16", 16, 16, 16),
        matmul("matmul-64", 64, 64, 64),
        new RoundedProgram(matmul("matmul-1024", 1024, 1024, 1024)),
        new RoundedProgram(matmul("matmul-mlp", 128, 768, 3072)),
        matmul("gemv", 1, 8192, 4096),
        convolution("conv-3x3", 256, 14, 3),
        convolution("conv-1x1", 512, 28, 1),
        pointwise("softmax", "softmax of 4096×768", x -> x.softmax(-1), 4096, 768),
        layerNorm(),
        pointwise("scale", "2·x + 1 of 16 Mi floats", x -> x.mul(2).add(1), 1 << 24),
        new AdamWProgram(),
        new Int4Program());
  }

  private static InferenceProgram<Linear> matmul(String name, long m, long k, long n) {
    return new InferenceProgram<>(
        name,
        "%d×%d×%d with weights [out, in]".formatted(m, k, n),
        m == 1 ? 0 : 2.0 * m * k * n,
        4.0 * k * n,
        () -> new Linear(k, n, false),
        () -> Input.floats(m, k),
        TensorType.of(DType.F32, m, n),
        linear -> linear::forward,
        true);
  }

  private static Program convolution(String name, long channels, long size, long kernel) {
    var options = Convolution.Options.DEFAULT.withPadding(kernel / 2).withBias(false);
    return new InferenceProgram<>(
        name,
        "%1$d to %1$d channels of %2$d×%2$d by %3$d×%3$d".formatted(channels, size, kernel),
        2.0 * channels * channels * kernel * kernel * size * size,
        0,
        () -> new Conv2d(channels, channels, kernel, options),
        () -> Input.floats(1, channels, size, size),
        TensorType.of(DType.F32, 1, channels, size, size),
        convolution -> convolution::forward,
        true);
  }

  private static Program pointwise(
      String name, String description, UnaryOperator<Tensor> function, long... dims) {
    var type = TensorType.of(DType.F32, dims);
    return new InferenceProgram<>(
        name,
        description,
        0,
        2.0 * type.bytes(),
        Sequential::new,
        () -> Input.floats(dims),
        type,
        none -> function,
        true);
  }

  private static Program layerNorm() {
    var type = TensorType.of(DType.F32, 4096, 768);
    return new InferenceProgram<>(
        "layer-norm",
        "layer norm of 4096×768",
        0,
        2.0 * type.bytes(),
        () -> new LayerNorm(768),
        () -> Input.floats(4096, 768),
        type,
        norm -> norm::forward,
        true);
  }
}
