package dev.gamelan.onednn.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.onednn.code.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Loops, tails, phases and registers, on every ISA that the machine has. */
class KernelTest {
  private static final int[] LENGTHS = {1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 127, 769};

  static Stream<Isa> isas() {
    return KernelRun.isas();
  }

  private static float[] random(int length, long seed) {
    var random = new SplittableRandom(seed);
    var values = new float[length];
    for (int i = 0; i < length; i++) values[i] = (float) (random.nextDouble() * 4 - 2);
    return values;
  }

  /** A copy through every way an element can lie in memory, up to a page that can't be read. */
  @ParameterizedTest
  @MethodSource("isas")
  void rowsOfEveryTypeEndWhereTheyEnd(Isa isa) throws Throwable {
    for (var type : ElementType.values()) {
      for (int length : LENGTHS) {
        var builder = new KernelBuilder(isa, 1, false);
        int in = builder.operand(type, Operand.Access.ELEMENTS);
        int out = builder.operand(type, Operand.Access.ELEMENTS);
        builder.store(out, builder.load(in));
        int bytes = length * type.bytes();
        var from = new GuardedMemory(3L * bytes);
        var to = new GuardedMemory(3L * bytes);
        // Small numbers are themselves in every type.
        for (int i = 0; i < 3 * bytes; i++) {
          from.memory().set(ValueLayout.JAVA_BYTE, i, (byte) (i % 5));
        }
        KernelRun.run(
            builder.finish(),
            isa,
            length,
            List.of(3L),
            new KernelRun.Bound(from.memory(), bytes),
            new KernelRun.Bound(to.memory(), bytes));
        // The STORE of bf16 takes bits, its LOAD gives a number.
        if (type == ElementType.BF16) continue;
        assertEquals(-1, from.memory().mismatch(to.memory()), type + " of length " + length);
      }
    }
  }

  /** 2·x of rows of f32, whose whole vectors go past the caches, and the last elements do not. */
  @ParameterizedTest
  @MethodSource("isas")
  void streamsAreWrittenAsElementsAre(Isa isa) {
    for (int length : LENGTHS) {
      var builder = new KernelBuilder(isa, 1, false);
      int in = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
      int out = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
      int x = builder.load(in);
      builder.store(out, builder.op(Opcode.ADD, x, x));
      var kernel = builder.finish().streaming();
      assertEquals(Operand.Access.ELEMENTS, kernel.operands().get(in).access());
      assertEquals(Operand.Access.STREAM, kernel.operands().get(out).access());
      try (var arena = Arena.ofConfined()) {
        long stride = Math.ceilDiv(4 * length, 64) * 64L;
        var from = arena.allocate(3 * stride, 64);
        var to = arena.allocate(3 * stride, 64);
        for (int i = 0; i < 3 * stride / 4; i++) from.setAtIndex(ValueLayout.JAVA_FLOAT, i, i + 1);
        var bounds = List.of(new KernelRun.Bound(from, stride), new KernelRun.Bound(to, stride));
        KernelRun.run(kernel, isa, length, List.of(3L), bounds.get(0), bounds.get(1));
        for (int i = 0; i < 3 * stride / 4; i++) {
          float want = i % (stride / 4) < length ? 2 * (i + 1) : 0;
          assertEquals(want, to.getAtIndex(ValueLayout.JAVA_FLOAT, i), "element " + i);
        }
      }
    }
  }

  /** softmax(x) = e^(x − max) / Σ e^(x − max): three phases, the middle one kept. */
  @ParameterizedTest
  @MethodSource("isas")
  void phasesFollowReductions(Isa isa) {
    for (int length : LENGTHS) {
      var builder = new KernelBuilder(isa, 1, false);
      int in = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
      int out = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
      int x = builder.load(in);
      int e =
          new VectorMath(builder).exp(builder.op(Opcode.SUB, x, builder.op(Opcode.REDUCE_MAX, x)));
      int sum = builder.op(Opcode.REDUCE_SUM, e);
      builder.store(out, builder.op(Opcode.DIV, e, sum));
      var kernel = builder.finish();
      assertEquals(3, kernel.phases().size());
      var values = random(2 * length, length);
      try (var arena = Arena.ofConfined()) {
        var result = arena.allocate(8L * length, 4);
        var scratch = arena.allocate(4L * length, 4);
        var bound = new ArrayList<KernelRun.Bound>();
        bound.add(
            new KernelRun.Bound(arena.allocateFrom(ValueLayout.JAVA_FLOAT, values), 4L * length));
        bound.add(new KernelRun.Bound(result, 4L * length));
        if (kernel.operands().size() > 2) bound.add(new KernelRun.Bound(scratch, 0));
        KernelRun.run(kernel, isa, length, List.of(2L), bound.toArray(KernelRun.Bound[]::new));
        for (int row = 0; row < 2; row++) {
          double total = 0;
          for (int i = 0; i < length; i++) total += Math.exp(values[row * length + i]);
          for (int i = 0; i < length; i++) {
            double want = Math.exp(values[row * length + i]) / total;
            float got = result.getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * length + i);
            assertEquals(want, got, 2e-6 * want);
          }
        }
      }
    }
  }

  /** 40 values that are alive at once do not fit any register file. */
  @ParameterizedTest
  @MethodSource("isas")
  void valuesThatDoNotFitGoToTheStack(Isa isa) {
    var x = random(100, 1);
    var y =
        KernelRun.map(
            isa,
            (builder, in) -> {
              var multiples = new ArrayList<Integer>();
              for (int i = 1; i <= 40; i++) {
                multiples.add(builder.op(Opcode.MUL, in, builder.constant(i)));
              }
              int sum = multiples.getFirst();
              for (int i = 39; i > 0; i--) sum = builder.op(Opcode.ADD, sum, multiples.get(i));
              for (int i = 0; i < 40; i++) sum = builder.op(Opcode.SUB, sum, multiples.get(i));
              return builder.op(Opcode.ADD, sum, in);
            },
            x);
    for (int i = 0; i < x.length; i++) assertEquals(x[i], y[i], 4e-4);
  }

  /**
   * There are registers for the addresses of nine operands; those of the others are on the stack.
   */
  @ParameterizedTest
  @MethodSource("isas")
  void operandsWithoutARegisterAreReadAndWrittenToo(Isa isa) {
    int inputs = 13;
    int length = 37;
    int rows = 3;
    for (var type : List.of(ElementType.I32, ElementType.I16)) {
      var builder = new KernelBuilder(isa, 1, false);
      int sum = builder.bits(0);
      for (int i = 0; i < inputs; i++) {
        int operand = builder.operand(type, Operand.Access.ELEMENTS);
        sum = builder.op(Opcode.INT_ADD, sum, builder.load(operand));
      }
      builder.store(builder.operand(type, Operand.Access.ELEMENTS), sum);
      try (var arena = Arena.ofConfined()) {
        long row = (long) length * type.bytes();
        var bound = new ArrayList<KernelRun.Bound>();
        for (int i = 0; i <= inputs; i++) {
          var memory = arena.allocate(rows * row, 8);
          for (long at = 0; at < rows * row; at += type.bytes()) {
            memory.set(ValueLayout.JAVA_BYTE, at, (byte) (i + at % 3));
          }
          bound.add(new KernelRun.Bound(memory, row));
        }
        KernelRun.run(
            builder.finish(),
            isa,
            length,
            List.of((long) rows),
            bound.toArray(KernelRun.Bound[]::new));
        var result = bound.getLast().memory();
        for (long at = 0; at < rows * row; at += type.bytes()) {
          long want = inputs * (inputs - 1) / 2 + inputs * (at % 3); // Σ (i + at mod 3)
          int got = result.get(ValueLayout.JAVA_SHORT_UNALIGNED, at);
          assertEquals(want, got, type + " at byte " + at);
        }
      }
    }
  }

  /** The sum of each column of a matrix, and the matrix doubled on the way. */
  @ParameterizedTest
  @MethodSource("isas")
  void columnsAreReducedDownwards(Isa isa) {
    for (int length : LENGTHS) {
      int rows = 5;
      var builder = new KernelBuilder(isa, 1, true);
      int in = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
      int doubled = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
      int sums = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
      int x = builder.load(in);
      builder.store(doubled, builder.op(Opcode.ADD, x, x));
      builder.store(sums, builder.op(Opcode.REDUCE_SUM, x));
      var values = random(rows * length, 3);
      try (var arena = Arena.ofConfined()) {
        var from = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
        var twice = arena.allocate(from.byteSize(), 4);
        var total = arena.allocate(4L * length, 4);
        KernelRun.run(
            builder.finish(),
            isa,
            length,
            List.of((long) rows),
            new KernelRun.Bound(from, 4L * length),
            new KernelRun.Bound(twice, 4L * length),
            new KernelRun.Bound(total, 0));
        for (int i = 0; i < length; i++) {
          double want = 0;
          for (int row = 0; row < rows; row++) want += values[row * length + i];
          assertEquals(want, total.getAtIndex(ValueLayout.JAVA_FLOAT, i), 1e-5);
        }
        for (int i = 0; i < values.length; i++) {
          assertEquals(2 * values[i], twice.getAtIndex(ValueLayout.JAVA_FLOAT, i));
        }
      }
    }
  }

  /** NaN wins over everything, wherever in the row it is. */
  @ParameterizedTest
  @MethodSource("isas")
  void aMaximumKeepsNan(Isa isa) {
    for (int at = 0; at < 70; at++) {
      var x = random(70, at);
      x[at] = Float.NaN;
      var y = KernelRun.map(isa, (builder, in) -> builder.op(Opcode.REDUCE_MAX, in), x);
      assertTrue(Float.isNaN(y[0]), "NaN at " + at);
    }
  }

  @ParameterizedTest
  @MethodSource("isas")
  void equalKernelsHaveEqualCode(Isa isa) {
    assertArrayEquals(LoopNest.emit(gelu(isa), isa), LoopNest.emit(gelu(isa), isa));
    assertEquals(gelu(isa), gelu(isa));
  }

  private static Kernel gelu(Isa isa) {
    var builder = new KernelBuilder(isa, 2, false);
    int in = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
    int out = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
    int x = builder.load(in);
    builder.store(out, builder.op(Opcode.MUL, x, new VectorMath(builder).erf(x)));
    return builder.finish();
  }

  /** Memory whose last byte is followed by a page that nobody may touch. */
  @SuppressWarnings("restricted") // For mprotect.
  private static final class GuardedMemory {
    private static final long PAGE = 4096;
    private final MemorySegment memory;

    GuardedMemory(long bytes) throws Throwable {
      long pages = Math.ceilDiv(bytes, PAGE) * PAGE;
      var linker = java.lang.foreign.Linker.nativeLinker();
      var protect =
          linker.downcallHandle(
              linker.defaultLookup().findOrThrow("mprotect"),
              java.lang.foreign.FunctionDescriptor.of(
                  ValueLayout.JAVA_INT,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_LONG,
                  ValueLayout.JAVA_INT));
      // Never given back: the allocator would trip over the guard.
      var block = Arena.global().allocate(pages + PAGE, PAGE);
      int status = (int) protect.invokeExact(block.address() + pages, PAGE, 0);
      assertEquals(0, status);
      this.memory = block.asSlice(pages - bytes, bytes);
    }

    MemorySegment memory() {
      return memory;
    }
  }
}
