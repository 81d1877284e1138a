package dev.gamelan.benchmarks;

import dev.gamelan.nn.Conv2d;
import dev.gamelan.nn.Convolution;
import dev.gamelan.nn.Layer;
import dev.gamelan.nn.LayerNorm;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.QuantizedLinear;
import dev.gamelan.nn.Sequential;
import dev.gamelan.tensor.Precision;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.UnaryOperator;

/** Single kernels, whose operands are where they are computed. */
final class Kernels {
  private Kernels() {}

  static List<Program> all() {
    return List.of(
        small(matmul("matmul-16", 16, 16, 16)),
        small(matmul("matmul-64", 64, 64, 64)),
        large(matmul("matmul-1024", 1024, 1024, 1024)),
        large(matmul("matmul-mlp", 128, 768, 3072)),
        matmul("gemv", 1, 8192, 4096),
        convolution("conv-3x3", 256, 14, 3),
        convolution("conv-1x1", 512, 28, 1),
        softmax(),
        layerNorm(),
        pointwise("scale", "2·x + 1 of 16 Mi floats", x -> x.mul(2).add(1), 1 << 24),
        new AdamWProgram(),
        new Int4Program());
  }

  private static Program small(InferenceProgram<Linear> matmul) {
    var others = new LinkedHashMap<String, KernelProgram.Opener<Linear>>();
    others.put(
        KernelProgram.BARE,
        (linear, input, workspace) ->
            new BareMatmul(elements(input), parameter(linear, 0), rows(input.type())));
    others.put(KernelProgram.ONEDNN, Kernels::oneDnn);
    others.put(
        KernelProgram.OPENBLAS,
        (linear, input, workspace) ->
            new OpenBlasMatmul(
                workspace, elements(input), parameter(linear, 0), rows(input.type())));
    return new KernelProgram<>(matmul, others);
  }

  /** Also with its weights, and x as it comes, rounded to 8 bits. */
  private static Program large(InferenceProgram<Linear> matmul) {
    var others = new LinkedHashMap<String, KernelProgram.Opener<Linear>>();
    others.put(
        KernelProgram.IN_INT8,
        (linear, input, workspace) ->
            new GamelanInference(
                QuantizedLinear.int8(linear)::forward, input, Precision.F32, matmul.resident()));
    others.put(KernelProgram.ONEDNN, Kernels::oneDnn);
    return new KernelProgram<>(matmul, others);
  }

  private static Contender oneDnn(Linear linear, Input input, Workspace workspace)
      throws IOException {
    return OneDnnKernel.matmul(
        workspace.threads(), elements(input), parameter(linear, 0), rows(input.type()));
  }

  private static int rows(TensorType type) {
    return Math.toIntExact(type.dim(0));
  }

  private static float[] elements(Input input) {
    return input.tensor().toFloatArray();
  }

  private static float[] parameter(Layer layer, int index) {
    return layer.parameters().get(index).value().toFloatArray();
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

  private static InferenceProgram<Sequential> pointwise(
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

  private static Program softmax() {
    var others = new LinkedHashMap<String, KernelProgram.Opener<Sequential>>();
    others.put(
        KernelProgram.ONEDNN,
        (none, input, workspace) ->
            OneDnnKernel.softmax(workspace.threads(), elements(input), rows(input.type())));
    return new KernelProgram<>(
        pointwise("softmax", "softmax of 4096×768", x -> x.softmax(-1), 4096, 768), others);
  }

  private static Program layerNorm() {
    var type = TensorType.of(DType.F32, 4096, 768);
    var program =
        new InferenceProgram<>(
            "layer-norm",
            "layer norm of 4096×768",
            0,
            2.0 * type.bytes(),
            () -> new LayerNorm(768),
            () -> Input.floats(4096, 768),
            type,
            norm -> norm::forward,
            true);
    var others = new LinkedHashMap<String, KernelProgram.Opener<LayerNorm>>();
    others.put(
        KernelProgram.ONEDNN,
        (norm, input, workspace) ->
            OneDnnKernel.layerNorm(
                workspace.threads(),
                elements(input),
                parameter(norm, 0),
                parameter(norm, 1),
                (float) LayerNorm.Options.DEFAULT.epsilon()));
    return new KernelProgram<>(program, others);
  }
}
