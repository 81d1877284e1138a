package dev.gamelan.onednn.asm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Encodes x86-64 instructions, nothing else: which registers hold what is the emitters' business.
 * Vector registers are numbers; with {@code evex} there are 32 of them and masks, else 16.
 * Displacements take 4 bytes, so that EVEX's scaled one-byte form never applies.
 */
public final class Assembler {
  private record Fixup(int position, Label label, int addend, int bytesAfter) {}

  /** No mask. */
  public static final int UNMASKED = 0;

  private static final int NO_IMMEDIATE = -1;

  private final boolean evex;
  private final List<Fixup> fixups = new ArrayList<>();
  private byte[] code = new byte[1024];
  private int size;

  public Assembler(boolean evex) {
    this.evex = evex;
  }

  public int size() {
    return size;
  }

  /** The code, with every label resolved. */
  public byte[] finish() {
    for (var fixup : fixups) {
      if (fixup.label.position < 0) throw new IllegalStateException("a label was never bound");
      int from = fixup.position + 4 + fixup.bytesAfter;
      patch(fixup.position, fixup.label.position + fixup.addend - from);
    }
    return Arrays.copyOf(code, size);
  }

  public void bind(Label label) {
    label.position = size;
  }

  public void align(int bytes) {
    while (size % bytes != 0) u8(0xCC); // int3: never run.
  }

  public void data(int... words) {
    for (int word : words) i32(word);
  }

  // ---- general purpose, 64 bits

  public void mov(Gpr to, Gpr from) {
    rex(0x8B, to.code, from);
  }

  public void mov(Gpr to, int value) {
    u8(0x48 | (to.code >> 3));
    u8(0xC7);
    u8(0xC0 | (to.code & 7));
    i32(value);
  }

  public void load(Gpr to, Memory from) {
    rex(0x8B, to.code, from);
  }

  public void store(Memory to, Gpr from) {
    rex(0x89, from.code, to);
  }

  /** Moves 1, 2, 4 or 8 bytes to a register, whose other bits become 0. */
  public void loadBytes(Gpr to, Memory from, int bytes) {
    switch (bytes) {
      case 1, 2 -> rex2(bytes == 1 ? 0xB6 : 0xB7, to.code, from);
      case 4 -> legacy(0, 0x8B, to.code, from);
      case 8 -> load(to, from);
      default -> throw new IllegalArgumentException("moves take 1, 2, 4 or 8 bytes, not " + bytes);
    }
  }

  public void storeBytes(Memory to, Gpr from, int bytes) {
    switch (bytes) {
      case 1 -> legacy(0x40, 0x88, from.code, to);
      case 2 -> {
        u8(0x66);
        legacy(0, 0x89, from.code, to);
      }
      case 4 -> legacy(0, 0x89, from.code, to);
      case 8 -> store(to, from);
      default -> throw new IllegalArgumentException("moves take 1, 2, 4 or 8 bytes, not " + bytes);
    }
  }

  /** Into the second cache and those behind it. */
  public void prefetch(Memory address) {
    int level = 2;
    int bits = prefixBits(level, address);
    if (bits != 0) u8(0x40 | bits);
    u8(0x0F);
    u8(0x18);
    modrm(level, address, 0);
  }

  /** What was stored past the caches is there for all before anything is stored after it. */
  public void sfence() {
    u8(0x0F);
    u8(0xAE);
    u8(0xF8);
  }

  public void lea(Gpr to, Memory address) {
    rex(0x8D, to.code, address);
  }

  public void add(Gpr to, Gpr from) {
    rex(0x03, to.code, from);
  }

  public void add(Gpr to, Memory from) {
    rex(0x03, to.code, from);
  }

  public void add(Memory to, Gpr from) {
    rex(0x01, from.code, to);
  }

  public void add(Gpr to, int value) {
    immediate(0, to, value);
  }

  public void sub(Gpr to, Gpr from) {
    rex(0x2B, to.code, from);
  }

  public void sub(Gpr to, int value) {
    immediate(5, to, value);
  }

  public void sub(Memory to, int value) {
    rex(0x81, 5, to, 4);
    i32(value);
  }

  public void and(Gpr to, int value) {
    immediate(4, to, value);
  }

  public void cmp(Gpr a, Gpr b) {
    rex(0x3B, a.code, b);
  }

  public void cmp(Gpr a, Memory b) {
    rex(0x3B, a.code, b);
  }

  public void cmp(Gpr a, int value) {
    immediate(7, a, value);
  }

  public void imul(Gpr to, Memory from) {
    rex2(0xAF, to.code, from);
  }

  public void imul(Gpr to, Gpr from) {
    rex2(0xAF, to.code, from);
  }

  public void neg(Gpr to) {
    rex(0xF7, 3, to);
  }

  /** The low {@code count} bits of {@code from}. */
  public void bzhi(Gpr to, Gpr from, Gpr count) {
    vexGpr(2, 0, 1, 0xF5, to.code, count.code, from.code);
  }

  public void push(Gpr register) {
    if (register.code > 7) u8(0x41);
    u8(0x50 | (register.code & 7));
  }

  public void pop(Gpr register) {
    if (register.code > 7) u8(0x41);
    u8(0x58 | (register.code & 7));
  }

  public void jump(Label target) {
    u8(0xE9);
    fix(target, 0, 0);
  }

  public void jump(Condition condition, Label target) {
    u8(0x0F);
    u8(0x80 | condition.code);
    fix(target, 0, 0);
  }

  public void ret() {
    u8(0xC3);
  }

  // ---- vectors

  public void vzeroupper() {
    u8(0xC5);
    u8(0xF8);
    u8(0x77);
  }

  /** The mask register {@code to} becomes the low 32 bits of {@code from}. */
  public void kmov(int to, Gpr from) {
    vexGpr(1, 3, 0, 0x92, to, 0, from.code);
  }

  /** {@code to} op= registers; operand {@code a} goes to the vvvv field, {@code b} to rm. */
  public void op(Simd op, Width width, int to, int a, int b) {
    vector(op, width, to, a, b, null, NO_IMMEDIATE, UNMASKED, false);
  }

  /** Between a vector's low bits and a general-purpose register. */
  public void op(Simd op, Width width, int to, int a, Gpr b) {
    vector(op, width, to, a, b.code, null, NO_IMMEDIATE, UNMASKED, false);
  }

  public void op(Simd op, Width width, int to, int a, Memory b) {
    vector(op, width, to, a, 0, b, NO_IMMEDIATE, UNMASKED, false);
  }

  public void op(Simd op, Width width, int to, int a, int b, int immediate) {
    vector(op, width, to, a, b, null, immediate, UNMASKED, false);
  }

  public void op(Simd op, Width width, int to, int a, Memory b, int immediate) {
    vector(op, width, to, a, 0, b, immediate, UNMASKED, false);
  }

  /** Under a mask, EVEX only; {@code zeroing} sets the other lanes to 0, else they stay. */
  public void masked(Simd op, Width width, int to, int a, int b, int mask, boolean zeroing) {
    vector(op, width, to, a, b, null, NO_IMMEDIATE, mask, zeroing);
  }

  public void masked(Simd op, Width width, int to, int a, Memory b, int mask, boolean zeroing) {
    vector(op, width, to, a, 0, b, NO_IMMEDIATE, mask, zeroing);
  }

  public void masked(Simd op, Width width, int to, int a, Memory b, int immediate, int mask) {
    vector(op, width, to, a, 0, b, immediate, mask, false);
  }

  /** EVEX only: the mask register {@code to} says where a and b compare so, and 0 off the mask. */
  public void compare(Simd op, Width width, int to, int a, int b, int predicate, int mask) {
    vector(op, width, to, a, b, null, predicate, mask, false);
  }

  /** VEX only: where the sign bit of {@code mask} is set {@code b}, else {@code a}. */
  public void blend(Width width, int to, int a, int b, int mask) {
    vector(Simd.VBLENDVPS, width, to, a, b, null, mask << 4, UNMASKED, false);
  }

  private void vector(
      Simd op,
      Width width,
      int reg,
      int vvvv,
      int rm,
      @Nullable Memory memory,
      int immediate,
      int mask,
      boolean zeroing) {
    int r = (reg >> 3) & 1;
    int x;
    int b;
    if (memory == null) {
      x = (rm >> 4) & 1;
      b = (rm >> 3) & 1;
    } else {
      x = memory.index() == null ? 0 : memory.index().code >> 3;
      b = memory.base() == null ? 0 : memory.base().code >> 3;
    }
    int inverted = (r ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5;
    if (evex) {
      boolean broadcast = memory != null && memory.broadcast();
      u8(0x62);
      u8(inverted | (((reg >> 4) & 1) ^ 1) << 4 | op.map);
      u8(op.w << 7 | (~vvvv & 15) << 3 | 4 | op.prefix);
      u8(
          (zeroing ? 0x80 : 0)
              | width.code << 5
              | (broadcast ? 0x10 : 0)
              | (((vvvv >> 4) & 1) ^ 1) << 3
              | mask);
    } else {
      u8(0xC4);
      u8(inverted | op.map);
      u8(op.w << 7 | (~vvvv & 15) << 3 | width.code << 2 | op.prefix);
    }
    u8(op.opcode);
    if (memory == null) u8(0xC0 | (reg & 7) << 3 | (rm & 7));
    else modrm(reg, memory, immediate >= 0 ? 1 : 0);
    if (immediate >= 0) u8(immediate);
  }

  private void vexGpr(int map, int prefix, int w, int opcode, int reg, int vvvv, int rm) {
    u8(0xC4);
    u8((((reg >> 3) ^ 1) << 7) | (1 << 6) | (((rm >> 3) ^ 1) << 5) | map);
    u8(w << 7 | (~vvvv & 15) << 3 | prefix);
    u8(opcode);
    u8(0xC0 | (reg & 7) << 3 | (rm & 7));
  }

  // ---- encoding

  private void immediate(int extension, Gpr to, int value) {
    rex(0x81, extension, to);
    i32(value);
  }

  private void rex(int opcode, int reg, Gpr rm) {
    u8(0x48 | ((reg >> 3) << 2) | (rm.code >> 3));
    u8(opcode);
    u8(0xC0 | (reg & 7) << 3 | (rm.code & 7));
  }

  private void rex(int opcode, int reg, Memory memory) {
    rex(opcode, reg, memory, 0);
  }

  private void rex(int opcode, int reg, Memory memory, int bytesAfter) {
    u8(0x48 | prefixBits(reg, memory));
    u8(opcode);
    modrm(reg, memory, bytesAfter);
  }

  private void rex2(int opcode, int reg, Gpr rm) {
    u8(0x48 | ((reg >> 3) << 2) | (rm.code >> 3));
    u8(0x0F);
    u8(opcode);
    u8(0xC0 | (reg & 7) << 3 | (rm.code & 7));
  }

  private void rex2(int opcode, int reg, Memory memory) {
    u8(0x48 | prefixBits(reg, memory));
    u8(0x0F);
    u8(opcode);
    modrm(reg, memory, 0);
  }

  /** Without W: 32 bits and fewer. {@code prefix} 0x40 where the byte registers need it. */
  private void legacy(int prefix, int opcode, int reg, Memory memory) {
    int bits = prefix | prefixBits(reg, memory);
    if (bits != 0) u8(0x40 | bits);
    u8(opcode);
    modrm(reg, memory, 0);
  }

  private static int prefixBits(int reg, Memory memory) {
    int index = memory.index() == null ? 0 : memory.index().code >> 3;
    int base = memory.base() == null ? 0 : memory.base().code >> 3;
    return ((reg >> 3) << 2) | (index << 1) | base;
  }

  private void modrm(int reg, Memory memory, int bytesAfter) {
    var label = memory.label();
    var base = memory.base();
    if (label != null || base == null) {
      if (label == null) throw new IllegalArgumentException("neither a base nor a label");
      u8((reg & 7) << 3 | 5); // Relative to the next instruction.
      fix(label, memory.displacement(), bytesAfter);
      return;
    }
    int low = base.code & 7;
    boolean displaced = memory.displacement() != 0 || low == 5; // rbp and r13 need one.
    int mod = displaced ? 2 : 0;
    var index = memory.index();
    if (index != null) {
      u8(mod << 6 | (reg & 7) << 3 | 4);
      u8(memory.scale() << 6 | (index.code & 7) << 3 | low);
    } else {
      u8(mod << 6 | (reg & 7) << 3 | low);
      if (low == 4) u8(0x24); // rsp and r12 need a scale-index byte.
    }
    if (displaced) i32(memory.displacement());
  }

  private void fix(Label label, int addend, int bytesAfter) {
    fixups.add(new Fixup(size, label, addend, bytesAfter));
    i32(0);
  }

  private void patch(int position, int value) {
    for (int i = 0; i < 4; i++) code[position + i] = (byte) (value >> (8 * i));
  }

  private void i32(int value) {
    u8(value);
    u8(value >> 8);
    u8(value >> 16);
    u8(value >> 24);
  }

  private void u8(int value) {
    if (size == code.length) code = Arrays.copyOf(code, 2 * size);
    code[size++] = (byte) value;
  }
}
