package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.List;

/**
 * Threefry-2x32 with 20 rounds: two words of key and two of counter to two words of random bits, as
 * i32 bit patterns [1]. Counters are the flat index of an element, as JAX counts with {@code
 * jax_threefry_partitionable}, so any part of a draw can be computed alone.
 *
 * <p>[1] Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011.
 */
final class Threefry {
  private static final int[][] ROTATIONS = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  private static final int PARITY = 0x1BD11BDA;

  record Words(Value first, Value second) {}

  private final GraphBuilder g;

  Threefry(GraphBuilder g) {
    this.g = g;
  }

  /** The words for one counter on the host; all of them the high and the low half of a long. */
  static long hash(long key, long counter) {
    int k0 = (int) (key >>> 32);
    int k1 = (int) key;
    int[] schedule = {k0, k1, k0 ^ k1 ^ PARITY};
    int x0 = (int) (counter >>> 32) + k0;
    int x1 = (int) counter + k1;
    for (int group = 0; group < 5; group++) {
      for (int rotation : ROTATIONS[group % 2]) {
        x0 += x1;
        x1 = x0 ^ Integer.rotateLeft(x1, rotation);
      }
      x0 += schedule[(group + 1) % 3];
      x1 += schedule[(group + 2) % 3] + group + 1;
    }
    return ((long) x0 << 32) | (x1 & 0xffff_ffffL);
  }

  /** The two words for each element of {@code shape}. */
  Words draw(Value key, Shape shape) {
    var flat = TensorType.of(DType.I32, shape.size());
    var low = g.reshape(g.iota(flat, 0), shape);
    return hash(key, g.zerosLike(low), low);
  }

  /** The words for counters of any one shape. */
  Words hash(Value key, Value high, Value low) {
    var k0 = word(key, 0);
    var k1 = word(key, 1);
    var k2 = xor(xor(k0, k1), g.scalar(DType.I32, (long) PARITY));
    var schedule = List.of(k0, k1, k2);
    var x0 = g.add(high, k0);
    var x1 = g.add(low, k1);
    for (int group = 0; group < 5; group++) {
      for (int rotation : ROTATIONS[group % 2]) {
        x0 = g.add(x0, x1);
        x1 = xor(x0, rotate(x1, rotation));
      }
      x0 = g.add(x0, schedule.get((group + 1) % 3));
      var step = g.scalar(DType.I32, (long) (group + 1));
      x1 = g.add(x1, g.add(schedule.get((group + 2) % 3), step));
    }
    return new Words(x0, x1);
  }

  private Value word(Value key, int index) {
    return g.reshape(g.slice(key, 0, index, index + 1), Shape.scalar());
  }

  private Value rotate(Value x, int by) {
    return g.binary(
        BinaryKind.OR,
        shift(BinaryKind.SHIFT_LEFT, x, by),
        shift(BinaryKind.SHIFT_RIGHT_LOGICAL, x, 32 - by));
  }

  Value shift(BinaryKind kind, Value x, int by) {
    return g.binary(kind, x, g.scalar(DType.I32, (long) by));
  }

  Value xor(Value a, Value b) {
    return g.binary(BinaryKind.XOR, a, b);
  }
}
