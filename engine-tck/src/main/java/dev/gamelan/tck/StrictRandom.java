package dev.gamelan.tck;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.RandomOp;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.List;

/** Random numbers, an element at a time. */
final class StrictRandom {
  private StrictRandom() {}

  static Array apply(RandomOp op, List<Array> in, TensorType type) {
    int k0 = (int) in.getFirst().integers()[0];
    int k1 = (int) in.getFirst().integers()[1];
    var result = Array.zeros(type);
    switch (op) {
      case RandomOp.RandomBits r -> {
        for (int i = 0; i < result.size(); i++) result.integers()[i] = bits(k0, k1, i);
      }
      case RandomOp.FoldIn f -> {
        long words = threefry(k0, k1, 0, (int) in.get(1).integers()[0]);
        result.integers()[0] = (int) (words >>> 32);
        result.integers()[1] = (int) words;
      }
      case RandomOp.RandomUniform r -> {
        for (int i = 0; i < result.size(); i++) {
          result.floats()[i] = uniform(k0, k1, i, type.dtype());
        }
      }
      case RandomOp.RandomNormal r -> {
        for (int i = 0; i < result.size(); i++) {
          long words = threefry(k0, k1, 0, i);
          double u = (words >>> 41) * 0x1p-23;
          double angle = ((words & 0xffff_ffffL) >>> 9) * 0x1p-23;
          double normal = Math.sqrt(-2 * Math.log1p(-u)) * Math.cos(2 * Math.PI * angle);
          result.floats()[i] = type.dtype().format().round(normal);
        }
      }
      case RandomOp.Categorical c -> categorical(in.get(1), k0, k1, result);
      case RandomOp.Dropout d -> {
        var x = in.get(1);
        for (int i = 0; i < result.size(); i++) {
          boolean kept = uniform(k0, k1, i, DType.F32) >= (float) d.rate();
          double value = kept ? x.floats()[i] * scale(d.rate(), type.dtype()) : 0;
          result.floats()[i] = type.dtype().format().round(value);
        }
      }
    }
    return result;
  }

  private static double scale(double rate, DType dtype) {
    return dtype.format().round(1 / (1 - rate));
  }

  private static void categorical(Array logits, int k0, int k1, Array result) {
    int classes = (int) logits.type().dim(-1);
    var dtype = logits.type().dtype() == DType.F64 ? DType.F64 : DType.F32;
    for (int row = 0; row < result.size(); row++) {
      double best = Double.NEGATIVE_INFINITY;
      for (int c = 0; c < classes; c++) {
        double u = uniform(k0, k1, row * classes + c, dtype);
        double noisy = logits.floats()[row * classes + c] - Math.log(-Math.log1p(-u));
        if (noisy > best) {
          best = noisy;
          result.integers()[row] = c;
        }
      }
    }
  }

  private static int bits(int k0, int k1, int counter) {
    long words = threefry(k0, k1, 0, counter);
    return (int) (words >>> 32) ^ (int) words;
  }

  private static double uniform(int k0, int k1, int counter, DType dtype) {
    if (dtype == DType.F64) return (threefry(k0, k1, 0, counter) >>> 12) * 0x1p-52;
    int mantissa = -Math.getExponent(dtype.format().epsilon());
    return Math.scalb((double) (bits(k0, k1, counter) >>> (32 - mantissa)), -mantissa);
  }

  /** Threefry-2x32 with 20 rounds (Salmon et al., SC 2011): the two words as one long. */
  static long threefry(int k0, int k1, int c0, int c1) {
    int[] rotations = {13, 15, 26, 6, 17, 29, 16, 24};
    int[] keys = {k0, k1, 0x1BD11BDA ^ k0 ^ k1};
    int x0 = c0 + k0;
    int x1 = c1 + k1;
    for (int round = 0; round < 20; round++) {
      x0 += x1;
      x1 = Integer.rotateLeft(x1, rotations[round % 8]) ^ x0;
      if (round % 4 == 3) {
        int group = round / 4 + 1;
        x0 += keys[group % 3];
        x1 += keys[(group + 1) % 3] + group;
      }
    }
    return (long) x0 << 32 | (x1 & 0xffff_ffffL);
  }
}
