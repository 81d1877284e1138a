package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
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
  static float[] map(
      Isa isa, java.util.function.BiFunction<KernelBuilder, Integer, Integer> f, float[] x) {
    var builder = new KernelBuilder(isa, 0, false);
    int in = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
    int out = builder.operand(ElementType.F32, Operand.Access.ELEMENTS);
    builder.store(out, f.apply(builder, builder.load(in)));
    try (var arena = Arena.ofConfined()) {
      var from = arena.allocateFrom(ValueLayout.JAVA_FLOAT, x);
      var to = arena.allocate(4L * x.length, 4);
      run(builder.finish(), isa, x.length, List.of(), new Bound(from), new Bound(to));
      return to.toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
