package dev.gamelan.nn;

import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;

/** The first value of a parameter. */
@FunctionalInterface
public interface Initializer {
  Tensor create(RandomKey key, TensorType type);

  static Initializer zeros() {
    return constant(0);
  }

  static Initializer ones() {
    return constant(1);
  }

  static Initializer constant(double value) {
    return (key, type) -> Tensors.full(type, value);
  }

  /** Normal with mean 0. */
  static Initializer normal(double deviation) {
    return (key, type) ->
        key.use(() -> Tensors.normal(type.dtype(), type.shape().dims())).mul(deviation);
  }

  /** Uniform in [−bound, bound). */
  static Initializer uniform(double bound) {
    return (key, type) ->
        key.use(() -> Tensors.uniform(type.dtype(), type.shape().dims())).mul(2 * bound).sub(bound);
  }

  /** Uniform in ±1/√fan-in, PyTorch's default for linear and convolution weights. */
  static Initializer fanInUniform() {
    return (key, type) ->
        uniform(1 / Math.sqrt(Math.max((double) fanIn(type.shape()), 1))).create(key, type);
  }

  /** Normal with deviation √(2/fan-in), for weights before a relu (He et al., arXiv:1502.01852). */
  static Initializer heNormal() {
    return (key, type) ->
        normal(Math.sqrt(2.0 / Math.max((double) fanIn(type.shape()), 1))).create(key, type);
  }

  /** Uniform in ±√(6/(fan-in + fan-out)) (Glorot, Bengio, AISTATS 2010). */
  static Initializer glorotUniform() {
    return (key, type) -> {
      long area = type.shape().range(Math.min(2, type.rank()), type.rank()).size();
      double fans = fanIn(type.shape()) + type.dim(0) * area;
      return uniform(Math.sqrt(6 / Math.max(fans, 1))).create(key, type);
    };
  }

  /** Inputs of one output, for a weight [out, in, spatial…]. */
  private static long fanIn(Shape shape) {
    return shape.range(1, shape.rank()).size();
  }
}
