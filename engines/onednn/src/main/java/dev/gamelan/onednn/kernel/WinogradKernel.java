package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;
import dev.gamelan.onednn.code.NativeCode;
import java.util.List;
import java.util.Optional;

/**
 * The transforms of Winograd's convolution F(2×2, 3×3) [1] in f32 with AVX-512: what a tile of 2 by
 * 2 results sees, 4 by 4 pixels, becomes 16 numbers a channel that are multiplied by 16 of the
 * filter instead of 36; and 16 sums of products become the 4 results. Pixels are dense vectors of
 * channels.
 *
 * <p>[1] Lavin, Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
 */
public final class WinogradKernel {
  /** Results along a side of a tile, and the pixels that they see. */
  public static final int RESULTS = 2;

  public static final int PIXELS = 4;

  /** Matrices that are multiplied: one for each pixel that a tile sees. */
  public static final int PLANES = PIXELS * PIXELS;

  /** The channels that one vector holds. */
  public static final int LANES = 16;

  /** The arguments of both, in longs; strides are in bytes. Tiles lie beside each other. */
  public static final int TILES = 0;

  /** Where the first of the planes begins, and the way to the next one. */
  public static final int PLANE = 1;

  public static final int PLANE_STRIDE = 2;

  /** From a tile's last vector in a plane to the next tile's first. */
  public static final int PLANE_ADVANCE = 3;

  /** Channels in vectors. */
  public static final int VECTORS = 4;

  /** Of {@link #pixels}: where the first tile begins, and its strides. */
  public static final int PICTURE = 5;

  public static final int ROW_STRIDE = 6;
  public static final int PIXEL_STRIDE = 7;

  /** From a tile's last vector to the next tile's first. */
  public static final int PICTURE_ADVANCE = 8;

  public static final int PIXELS_ARGUMENTS = 9;

  /**
   * Of {@link #results}: where the first tile's results go, of which those beyond an odd edge may
   * be given the addresses of those before it; and the way from a last vector to the next tile's.
   */
  public static final int TOP_LEFT = 5;

  public static final int TOP_RIGHT = 6;
  public static final int BOTTOM_LEFT = 7;
  public static final int BOTTOM_RIGHT = 8;
  public static final int RESULT_ADVANCE = 9;
  public static final int RESULTS_ARGUMENTS = 10;

  private static final List<Gpr> SAVED =
      List.of(Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15);

  /** The first of each four planes. */
  private static final List<Gpr> PLANES_BY_FOUR = List.of(Gpr.R8, Gpr.R9, Gpr.R10, Gpr.R11);

  /** A stride, and three times it. */
  private static final Gpr PLANE_STEP = Gpr.RSI;

  private static final Gpr PLANE_STEPS = Gpr.RDX;

  /** The rows of pixels, or the results in their order among the arguments. */
  private static final List<Gpr> PICTURE_POINTERS = List.of(Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15);

  private static final Gpr PIXEL_STEP = Gpr.RBX;
  private static final Gpr PIXEL_STEPS = Gpr.RBP;
  private static final Gpr VECTORS_LEFT = Gpr.RCX;
  private static final Gpr SCRATCH = Gpr.RAX;

  private final NativeCode pixels;
  private final NativeCode results;

  private WinogradKernel(NativeCode pixels, NativeCode results) {
    this.pixels = pixels;
    this.results = results;
  }

  /** Empty where the system gives no executable memory. */
  public static Optional<WinogradKernel> of() {
    var pixels = NativeCode.place(new Emission().pixels());
    var results = NativeCode.place(new Emission().results());
    if (pixels.isEmpty() || results.isEmpty()) return Optional.empty();
    return Optional.of(new WinogradKernel(pixels.get(), results.get()));
  }

  /** Writes the planes; the caller answers for the addresses and strides at {@code address}. */
  public void pixels(long address) {
    pixels.call(address);
  }

  /** Reads the planes; the caller answers for the addresses and strides at {@code address}. */
  public void results(long address) {
    results.call(address);
  }

  private static final class Emission {
    private final Assembler asm = new Assembler(true);

    byte[] pixels() {
      begin();
      asm.load(PICTURE_POINTERS.getFirst(), argument(PICTURE));
      for (int row = 1; row < PIXELS; row++) {
        asm.mov(PICTURE_POINTERS.get(row), PICTURE_POINTERS.get(row - 1));
        asm.add(PICTURE_POINTERS.get(row), argument(ROW_STRIDE));
      }
      asm.load(PIXEL_STEP, argument(PIXEL_STRIDE));
      asm.lea(PIXEL_STEPS, Memory.at(PIXEL_STEP, PIXEL_STEP, 1, 0));
      var tiles = new Label();
      var vectors = new Label();
      asm.bind(tiles);
      asm.load(VECTORS_LEFT, argument(VECTORS));
      asm.bind(vectors);
      for (int i = 0; i < PLANES; i++) {
        var pixel = Memory.ofFour(PICTURE_POINTERS.get(i / 4), PIXEL_STEP, PIXEL_STEPS, i % 4);
        asm.op(Simd.VMOVUPS, Width.Z, i, 0, pixel);
      }
      for (int column = 0; column < PIXELS; column++) seen(column, PIXELS, PLANES);
      for (int row = 0; row < PIXELS; row++) seen(PLANES + PIXELS * row, 1, -PLANES);
      for (int i = 0; i < PLANES; i++) asm.op(Simd.VMOVUPS_STORE, Width.Z, i, 0, plane(i));
      nextVector(vectors);
      for (var pointer : PICTURE_POINTERS) asm.add(pointer, argument(PICTURE_ADVANCE));
      return end(tiles);
    }

    /**
     * d₀ − d₂, d₁ + d₂, d₂ − d₁, d₁ − d₃ of the four registers {@code from}, {@code from + step}, …
     * to those {@code away} from them.
     */
    private void seen(int from, int step, int away) {
      int d1 = from + step;
      int d2 = from + 2 * step;
      int d3 = from + 3 * step;
      asm.op(Simd.VSUBPS, Width.Z, from + away, from, d2);
      asm.op(Simd.VADDPS, Width.Z, d1 + away, d1, d2);
      asm.op(Simd.VSUBPS, Width.Z, d2 + away, d2, d1);
      asm.op(Simd.VSUBPS, Width.Z, d3 + away, d1, d3);
    }

    byte[] results() {
      begin();
      for (int i = 0; i < PICTURE_POINTERS.size(); i++) {
        asm.load(PICTURE_POINTERS.get(i), argument(TOP_LEFT + i));
      }
      var tiles = new Label();
      var vectors = new Label();
      asm.bind(tiles);
      asm.load(VECTORS_LEFT, argument(VECTORS));
      asm.bind(vectors);
      for (int i = 0; i < PLANES; i++) asm.op(Simd.VMOVUPS, Width.Z, i, 0, plane(i));
      for (int column = 0; column < PIXELS; column++) {
        sums(column, PIXELS, PLANES + column, PIXELS);
      }
      for (int row = 0; row < RESULTS; row++) {
        sums(PLANES + PIXELS * row, 1, RESULTS * row, 1);
      }
      // Of two with one address that stays which is inside: the first.
      for (int i = RESULTS * RESULTS - 1; i >= 0; i--) {
        asm.op(Simd.VMOVUPS_STORE, Width.Z, i, 0, Memory.at(PICTURE_POINTERS.get(i), 0));
      }
      nextVector(vectors);
      for (var pointer : PICTURE_POINTERS) asm.add(pointer, argument(RESULT_ADVANCE));
      return end(tiles);
    }

    /** m₀ + m₁ + m₂ to {@code to}, m₁ − m₂ − m₃ to {@code toStep} after it. */
    private void sums(int from, int step, int to, int toStep) {
      int m1 = from + step;
      int m2 = from + 2 * step;
      int m3 = from + 3 * step;
      asm.op(Simd.VADDPS, Width.Z, to, from, m1);
      asm.op(Simd.VADDPS, Width.Z, to, to, m2);
      asm.op(Simd.VSUBPS, Width.Z, to + toStep, m1, m2);
      asm.op(Simd.VSUBPS, Width.Z, to + toStep, to + toStep, m3);
    }

    private void begin() {
      SAVED.forEach(asm::push);
      asm.load(PLANE_STEP, argument(PLANE_STRIDE));
      asm.lea(PLANE_STEPS, Memory.at(PLANE_STEP, PLANE_STEP, 1, 0));
      asm.load(PLANES_BY_FOUR.getFirst(), argument(PLANE));
      for (int i = 1; i < PLANES_BY_FOUR.size(); i++) {
        asm.lea(PLANES_BY_FOUR.get(i), Memory.at(PLANES_BY_FOUR.get(i - 1), PLANE_STEP, 2, 0));
      }
    }

    private void nextVector(Label vectors) {
      for (var pointer : PICTURE_POINTERS) asm.add(pointer, Width.Z.bytes());
      for (var pointer : PLANES_BY_FOUR) asm.add(pointer, Width.Z.bytes());
      asm.sub(VECTORS_LEFT, 1);
      asm.jump(Condition.NOT_EQUAL, vectors);
    }

    /** The next tile, or none. */
    private byte[] end(Label tiles) {
      for (var pointer : PLANES_BY_FOUR) asm.add(pointer, argument(PLANE_ADVANCE));
      asm.load(SCRATCH, argument(TILES));
      asm.sub(SCRATCH, 1);
      asm.store(argument(TILES), SCRATCH);
      asm.cmp(SCRATCH, 0);
      asm.jump(Condition.NOT_EQUAL, tiles);
      SAVED.reversed().forEach(asm::pop);
      asm.vzeroupper();
      asm.ret();
      return asm.finish();
    }

    private static Memory argument(int index) {
      return Memory.at(Gpr.RDI, 8 * index);
    }

    private static Memory plane(int index) {
      return Memory.ofFour(PLANES_BY_FOUR.get(index / 4), PLANE_STEP, PLANE_STEPS, index % 4);
    }
  }
}
