package dev.gamelan.benchmarks;

import ai.onnxruntime.OrtEnvironment;
import org.tensorflow.TensorFlow;

/** How each contender is set up, for the report. */
final class Contenders {
  private Contenders() {}

  static String setup(String contender) {
    return switch (contender) {
      case "gamelan" -> "a compiled function or step, f32, in a Scope; its two traces are warm-up";
      case "gamelan-bf16" -> "the same with Precision.BF16";
      case "gamelan-pytorch" -> "the same on the PyTorch engine";
      case "gamelan-tensorflow" -> "the same on the TensorFlow engine";
      case "gamelan-kernel" -> "the engine's kernel by itself, without a graph";
      case "gamelan-int8" -> "the same as QuantizedLinear.int8";
      case "onnxruntime" ->
          "ONNX Runtime %s: the model as Gamelan exports it (opset 21), all optimisations, sequential execution, buffers made once; 4-bit weights as MatMulNBits of accuracy level 4"
              .formatted(OrtEnvironment.getEnvironment().getVersion());
      case "onednn" ->
          "oneDNN's own primitive on its OpenMP team, weights packed beforehand, called through java.lang.foreign";
      case "openblas" -> "OpenBLAS's sgemm, called through java.lang.foreign";
      case "tensorflow" ->
          "TensorFlow for Java %s: a graph with its gradients by hand and fused updates, run in a session"
              .formatted(TensorFlow.version());
      case "torchscript" ->
          "PyTorch through ai.djl: a step with its gradients by hand in fused ATen ops, updated in place; its profiling runs are warm-up";
      case "djl-trainer" -> "PyTorch through DJL's Trainer and GradientCollector";
      default -> throw new IllegalArgumentException("no contender '%s'".formatted(contender));
    };
  }
}
