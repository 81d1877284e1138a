package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.code.NativeCode;
import java.util.Optional;

/**
 * Copies elements one by one between any strides, such as for a transpose. Arguments, in longs:
 * count, outer sizes; address, inner stride and outer strides of the source; the same of the
 * target. Strides are in bytes; an outer one takes back what the loops inside it have added.
 */
public final class StridedCopyKernel {
  private static final int UNROLL = 4;

  private final int outerLoops;
  private final int elementBytes;
  private final NativeCode code;

  private StridedCopyKernel(int elementBytes, int outerLoops, NativeCode code) {
    this.elementBytes = elementBytes;
    this.outerLoops = outerLoops;
    this.code = code;
  }

  /** Empty where the system gives no executable memory. */
  public static Optional<StridedCopyKernel> of(int elementBytes, int outerLoops) {
    return NativeCode.place(emit(elementBytes, outerLoops))
        .map(code -> new StridedCopyKernel(elementBytes, outerLoops, code));
  }

  public int argumentCount() {
    return 1 + outerLoops + 2 * (2 + outerLoops);
  }

  public int sourceArgument() {
    return 1 + outerLoops;
  }

  public int targetArgument() {
    return 1 + outerLoops + 2 + outerLoops;
  }

  public int elementBytes() {
    return elementBytes;
  }

  /** The caller answers for the addresses and strides at {@code address}. */
  public void run(long address) {
    code.call(address);
  }

  private static byte[] emit(int bytes, int outerLoops) {
    var asm = new Assembler(false);
    int source = 8 * (1 + outerLoops);
    int target = source + 8 * (2 + outerLoops);
    asm.load(Gpr.R8, Memory.at(Gpr.RDI, source));
    asm.load(Gpr.R10, Memory.at(Gpr.RDI, source + 8));
    asm.load(Gpr.R9, Memory.at(Gpr.RDI, target));
    asm.load(Gpr.R11, Memory.at(Gpr.RDI, target + 8));
    loop(asm, bytes, outerLoops, 0);
    asm.ret();
    return asm.finish();
  }

  private static void loop(Assembler asm, int bytes, int outerLoops, int loop) {
    if (loop == outerLoops) {
      row(asm, bytes);
      return;
    }
    int source = 8 * (1 + outerLoops) + 16;
    int target = source + 8 * outerLoops + 16;
    var top = new Label();
    asm.load(Gpr.RAX, Memory.at(Gpr.RDI, 8 * (1 + loop)));
    asm.push(Gpr.RAX);
    asm.bind(top);
    loop(asm, bytes, outerLoops, loop + 1);
    asm.add(Gpr.R8, Memory.at(Gpr.RDI, source + 8 * loop));
    asm.add(Gpr.R9, Memory.at(Gpr.RDI, target + 8 * loop));
    asm.sub(Memory.at(Gpr.RSP, 0), 1);
    asm.jump(Condition.NOT_EQUAL, top);
    asm.pop(Gpr.RAX);
  }

  private static void row(Assembler asm, int bytes) {
    var unrolled = new Label();
    var rest = new Label();
    var one = new Label();
    var end = new Label();
    asm.load(Gpr.RCX, Memory.at(Gpr.RDI, 0));
    asm.bind(unrolled);
    asm.cmp(Gpr.RCX, UNROLL);
    asm.jump(Condition.LESS, rest);
    for (int i = 0; i < UNROLL; i++) element(asm, bytes);
    asm.sub(Gpr.RCX, UNROLL);
    asm.jump(unrolled);
    asm.bind(rest);
    asm.cmp(Gpr.RCX, 0);
    asm.jump(Condition.EQUAL, end);
    asm.bind(one);
    element(asm, bytes);
    asm.sub(Gpr.RCX, 1);
    asm.jump(Condition.NOT_EQUAL, one);
    asm.bind(end);
  }

  private static void element(Assembler asm, int bytes) {
    asm.loadBytes(Gpr.RAX, Memory.at(Gpr.R8, 0), bytes);
    asm.storeBytes(Memory.at(Gpr.R9, 0), Gpr.RAX, bytes);
    asm.add(Gpr.R8, Gpr.R10);
    asm.add(Gpr.R9, Gpr.R11);
  }
}
