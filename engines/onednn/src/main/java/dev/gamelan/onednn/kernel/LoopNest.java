package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.code.Isa;
import java.util.List;

/**
 * Emits a kernel as a function of one argument, the address of its arguments: the outer loops, and
 * for each phase a loop of unrolled bodies, one of whole vectors and the last elements.
 *
 * <p>Registers: rdi arguments, rcx elements in a row, rax the element, r10, r11, rdx scratch, the
 * others {@link OperandAddresses}.
 */
final class LoopNest {
  private static final List<Gpr> SAVED =
      List.of(Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15);

  private final Kernel kernel;
  private final Emitter emitter;
  private final Assembler asm;
  private final Frame frame;
  private final Registers registers;

  private LoopNest(Kernel kernel, Emitter emitter) {
    this.kernel = kernel;
    this.emitter = emitter;
    this.asm = emitter.asm;
    this.frame = emitter.frame;
    this.registers = emitter.registers;
  }

  /** The machine code of {@code kernel}, in two passes: the first finds what is to spare. */
  static byte[] emit(Kernel kernel, Isa isa) {
    var first = emitter(kernel, isa, Registers.Plan.FIRST);
    new LoopNest(kernel, first).function();
    var plan = first.registers.plan();
    var second = emitter(kernel, isa, plan);
    var code = new LoopNest(kernel, second).function();
    if (second.registers.fitsFrame()) return code;
    // Registers kept for long made others go to the stack: as in the first pass, with its frame.
    return new LoopNest(kernel, emitter(kernel, isa, plan.withoutSpare())).function();
  }

  private static Emitter emitter(Kernel kernel, Isa isa, Registers.Plan plan) {
    return switch (isa) {
      case AVX512 -> new Avx512Emitter(kernel, plan);
      case AVX2 -> new Avx2Emitter(kernel, plan);
      case NONE -> throw new IllegalArgumentException("no machine code for this CPU");
    };
  }

  /**
   * More copies of small bodies hide latencies; large ones have enough to do. The accumulators of
   * all copies leave half of the registers to the body.
   */
  private int unroll(Kernel.Phase phase) {
    int size = phase.perElement().size();
    int copies = size <= 10 ? 4 : size <= 30 ? 2 : 1;
    int reductions = reductions(phase).size();
    while (copies > 1 && copies * reductions > emitter.registerCount / 2) copies /= 2;
    return copies;
  }

  private static List<Instruction> reductions(Kernel.Phase phase) {
    return phase.perElement().stream().filter(i -> i.op().isReduction()).toList();
  }

  private byte[] function() {
    SAVED.forEach(asm::push);
    asm.mov(Gpr.R10, Gpr.RSP);
    asm.sub(Gpr.RSP, frame.bytes());
    asm.and(Gpr.RSP, -64);
    asm.store(frame.callersStackPointer(), Gpr.R10);
    asm.load(Gpr.RCX, Memory.at(Gpr.RDI, 0));
    storeEnd(frame.vectorsEnd(), emitter.lanes);
    emitter.prepareTail();
    emitter.addresses.load();
    registers.loadPinned();
    loops(0);
    asm.load(Gpr.RSP, frame.callersStackPointer());
    SAVED.reversed().forEach(asm::pop);
    if (kernel.streams()) asm.sfence();
    asm.vzeroupper();
    asm.ret();
    emitter.pool.emit(asm);
    emitter.emitTables();
    return asm.finish();
  }

  /** The row's length, down to a multiple. */
  private void storeEnd(Memory end, int multiple) {
    asm.mov(Gpr.R10, Gpr.RCX);
    asm.and(Gpr.R10, -multiple);
    asm.store(end, Gpr.R10);
  }

  private void loops(int loop) {
    int rowLoop = kernel.outerLoops() - (kernel.columns() ? 1 : 0);
    if (loop == rowLoop) {
      if (kernel.columns()) blocks(unrollColumns(), this::columns);
      else kernel.phases().forEach(this::row);
      return;
    }
    var top = new Label();
    startCounter(loop);
    asm.bind(top);
    loops(loop + 1);
    emitter.addresses.advance(loop);
    asm.sub(frame.counter(loop), 1);
    asm.jump(Condition.NOT_EQUAL, top);
  }

  /** Leaves the count in r10. */
  private void startCounter(int loop) {
    asm.load(Gpr.R10, Memory.at(Gpr.RDI, 8 * (1 + loop)));
    asm.store(frame.counter(loop), Gpr.R10);
  }

  /** What is emitted for so many vectors, beginning at rax. */
  @FunctionalInterface
  private interface Block {
    void emit(int vectors);
  }

  /** All elements of a row: unrolled, by vectors, and the rest. */
  private void blocks(int unroll, Block block) {
    var end = new Label();
    asm.mov(Gpr.RAX, 0);
    if (unroll > 1) {
      storeEnd(frame.unrolledEnd(), emitter.lanes * unroll);
      blocks(frame.unrolledEnd(), unroll, block);
    }
    blocks(frame.vectorsEnd(), 1, block);
    asm.cmp(Gpr.RAX, Gpr.RCX);
    asm.jump(Condition.GREATER_OR_EQUAL, end);
    emitter.inTail = true;
    block.emit(1);
    emitter.inTail = false;
    asm.bind(end);
  }

  private void blocks(Memory limit, int vectors, Block block) {
    var top = new Label();
    var end = new Label();
    asm.cmp(Gpr.RAX, limit);
    asm.jump(Condition.GREATER_OR_EQUAL, end);
    asm.bind(top);
    block.emit(vectors);
    asm.add(Gpr.RAX, vectors * emitter.lanes);
    asm.cmp(Gpr.RAX, limit);
    asm.jump(Condition.LESS, top);
    asm.bind(end);
  }

  private void bodies(Kernel.Phase phase, int count) {
    for (int copy = 0; copy < count; copy++) emitter.straight(phase.perElement(), copy);
  }

  // ---- rows

  private void row(Kernel.Phase phase) {
    emitter.once(phase.perRow());
    if (phase.perElement().isEmpty()) return;
    registers.loadResidents(phase);
    int unroll = unroll(phase);
    for (var reduction : reductions(phase)) registers.startAccumulators(reduction, unroll);
    blocks(unroll, vectors -> bodies(phase, vectors));
    reductions(phase).forEach(this::finish);
    registers.releaseAccumulators();
    registers.releaseResidents();
  }

  /** The accumulators of all copies, then their lanes, become the value of the row. */
  private void finish(Instruction reduction) {
    var accumulators = registers.accumulators(reduction.id());
    int first = accumulators.getFirst();
    for (int other : accumulators.subList(1, accumulators.size())) {
      emitter.accumulate(reduction.op(), first, other);
    }
    emitter.combineLanes(reduction.op(), first);
    var place = registers.slot(reduction.id());
    asm.op(Simd.VMOVUPS_STORE, emitter.width, first, 0, place);
  }

  // ---- columns

  /** What goes down goes on in the same registers. */
  private int unrollColumns() {
    int least = Integer.MAX_VALUE;
    for (var phase : kernel.phases()) least = Math.min(least, unroll(phase));
    return least;
  }

  /** Down all rows, then what is computed from the reductions. */
  private void columns(int vectors) {
    int loop = kernel.outerLoops() - 1;
    var down = kernel.phases().getFirst();
    var top = new Label();
    var end = new Label();
    for (var reduction : reductions(down)) registers.startAccumulators(reduction, vectors);
    startCounter(loop);
    asm.cmp(Gpr.R10, 0);
    asm.jump(Condition.EQUAL, end);
    asm.bind(top);
    bodies(down, vectors);
    emitter.addresses.advance(loop);
    asm.sub(frame.counter(loop), 1);
    asm.jump(Condition.NOT_EQUAL, top);
    emitter.addresses.rewind(loop);
    asm.bind(end);
    if (kernel.phases().size() > 1) bodies(kernel.phases().get(1), vectors);
    registers.releaseAccumulators();
  }
}
