package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.function.BiFunction;
import java.util.stream.Stream;

/** Runs kernels on arrays of the test's, each in memory of exactly its size. */
final class KernelRun {
  private KernelRun() {}

  /** The levels that this machine has an emitter for. */
  static Stream<Isa> isas() {
    var most = Cpu.detect().isa();
    return Arrays.stream(Isa.values()).filter(i -> i != Isa.NONE && i.compareTo(most) <= 0);
  }

  /** An operand: its memory and its strides in bytes, one for each outer loop. */
  record Bound(MemorySegment memory, long... strides) {}

  static void run(Kernel kernel, Isa isa, long length, List<Long> outer, Bound... operands) {
    var compiled = CompiledKernel.of(kernel, isa).orElseThrow();
    try (var arena = Arena.ofConfined()) {
      var arguments = arena.allocate(8L * kernel.argumentCount(), 8);
      arguments.setAtIndex(ValueLayout.JAVA_LONG, 0, length);
      for (int i = 0; i < outer.size(); i++) {
        arguments.setAtIndex(ValueLayout.JAVA_LONG, 1 + i, outer.get(i));
      }
      for (int i = 0; i < operands.length; i++) {
        int at = kernel.addressArgument(i);
        arguments.setAtIndex(ValueLayout.JAVA_LONG, at, operands[i].memory.address());
        for (int loop = 0; loop < operands[i].strides.length; loop++) {
          arguments.setAtIndex(ValueLayout.JAVA_LONG, at + 1 + loop, operands[i].strides[loop]);
        }
      }
      compiled.run(arguments.address());
    }
  }

  /** x ↦ f(x) for a row of f32. */
  static float[] map(Isa isa, BiFunction<KernelBuilder, Integer, Integer> f, float[] x) {
    try (var arena = Arena.ofConfined()) {
      var from = arena.allocateFrom(ValueLayout.JAVA_FLOAT, x);
      return map(arena, isa, ElementType.F32, f, from).toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  /** x ↦ f(x) for a row of i32. */
  static int[] mapBits(Isa isa, BiFunction<KernelBuilder, Integer, Integer> f, int[] x) {
    try (var arena = Arena.ofConfined()) {
      var from = arena.allocateFrom(ValueLayout.JAVA_INT, x);
      return map(arena, isa, ElementType.I32, f, from).toArray(ValueLayout.JAVA_INT);
    }
  }

  private static MemorySegment map(
      Arena arena,
      Isa isa,
      ElementType type,
      BiFunction<KernelBuilder, Integer, Integer> f,
      MemorySegment from) {
    var builder = new KernelBuilder(isa, 0, false);
    int in = builder.operand(type, Operand.Access.ELEMENTS);
    int out = builder.operand(type, Operand.Access.ELEMENTS);
    builder.store(out, f.apply(builder, builder.load(in)));
    var to = arena.allocate(from.byteSize(), 4);
    run(builder.finish(), isa, from.byteSize() / 4, List.of(), new Bound(from), new Bound(to));
    return to;
  }
}
