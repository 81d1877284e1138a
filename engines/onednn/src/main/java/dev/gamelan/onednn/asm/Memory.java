package dev.gamelan.onednn.asm;

import org.jspecify.annotations.Nullable;

/**
 * A memory operand: base + index × 2^scale + displacement, or a label in the code.
 *
 * @param broadcast whether an EVEX instruction reads one element and repeats it
 */
public record Memory(
    @Nullable Gpr base,
    @Nullable Gpr index,
    int scale,
    int displacement,
    @Nullable Label label,
    boolean broadcast) {

  public static Memory at(Gpr base, int displacement) {
    return new Memory(base, null, 0, displacement, null, false);
  }

  public static Memory at(Gpr base, Gpr index, int scale, int displacement) {
    return new Memory(base, index, scale, displacement, null, false);
  }

  public static Memory at(Label label, int displacement) {
    return new Memory(null, null, 0, displacement, label, false);
  }

  public Memory broadcasting() {
    return new Memory(base, index, scale, displacement, label, true);
  }

  /** The one element that {@link #broadcasting} reads. */
  public Memory element() {
    return new Memory(base, index, scale, displacement, label, false);
  }

  /**
   * What is {@code index} steps after {@code base}, of four.
   *
   * @param steps holds three times what {@code step} holds
   */
  public static Memory ofFour(Gpr base, Gpr step, Gpr steps, int index) {
    return switch (index) {
      case 0 -> at(base, 0);
      case 1 -> at(base, step, 0, 0);
      case 2 -> at(base, step, 1, 0);
      default -> at(base, steps, 0, 0);
    };
  }
}
