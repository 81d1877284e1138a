package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Condition;
import dev.gamelan.onednn.asm.Gpr;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;
import dev.gamelan.onednn.code.Isa;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Emits a kernel as a function of one argument, the address of its arguments: the loops, and which
 * value is in which register. Subclasses know the instructions of their ISA.
 *
 * <p>Values of a loop's body live in registers until their last use; where there are too few, the
 * one that is used farthest away goes to the stack [1]. Values of a row have a place on the stack
 * and are read from there. Constants are read from memory behind the code, or stay in registers
 * where the first of two passes found some to spare.
 *
 * <p>Registers: rdi arguments, rcx elements in a row, rax the element, r10, r11, rdx scratch, the
 * others addresses of operands; those for which none is left have theirs on the stack.
 *
 * <p>[1] Belady, A study of replacement algorithms for a virtual-storage computer, 1966.
 */
abstract class Emitter {
  private static final List<Gpr> ADDRESSES =
      List.of(Gpr.R8, Gpr.R9, Gpr.RSI, Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15);
  private static final List<Gpr> SAVED =
      List.of(Gpr.RBX, Gpr.RBP, Gpr.R12, Gpr.R13, Gpr.R14, Gpr.R15);

  /** Behind the frame's own longs: rsp, the two loop limits. */
  private static final int FRAME_LONGS = 3;

  final Kernel kernel;
  final Assembler asm;
  final Width width;
  final int lanes;
  private final Label pool = new Label();
  private final Map<Integer, Integer> poolIndex = new LinkedHashMap<>();
  private final Map<Integer, Integer> pinned = new HashMap<>();
  private final Map<Integer, Integer> registers = new HashMap<>();
  private final Map<Integer, Integer> slots = new HashMap<>();
  private final Map<Integer, List<Integer>> accumulators = new HashMap<>();
  private final Map<Integer, Integer> constants = new HashMap<>();
  private final Map<Integer, Integer> lastUse = new HashMap<>();
  private final Map<Integer, List<Integer>> uses = new HashMap<>();
  private final List<Integer> locked = new ArrayList<>();
  private final List<Integer> held = new ArrayList<>();
  private final Map<Integer, Integer> resident = new HashMap<>();
  private final Plan plan;
  private long free;
  private int fewestFree;
  private boolean spilled;
  private int usedSlots;
  private int position;
  boolean inTail;
  private int copy;

  Emitter(Kernel kernel, boolean evex, Width width, int registerCount, Plan plan) {
    this.kernel = kernel;
    this.asm = new Assembler(evex);
    this.width = width;
    this.lanes = width.bytes() / 4;
    this.free = (1L << registerCount) - 1;
    this.fewestFree = registerCount;
    this.plan = plan;
    for (var phase : kernel.phases()) {
      phase.perRow().forEach(this::noteConstant);
      phase.perElement().forEach(this::noteConstant);
    }
    int next = registerCount;
    for (int bits : plan.pinnedConstants) {
      pinned.put(bits, --next);
      free &= ~(1L << next);
    }
  }

  /** What the first pass found: places on the stack, and registers to spare. */
  record Plan(int slots, int residentRowValues, List<Integer> pinnedConstants) {
    static final Plan FIRST = new Plan(0, 0, List.of());
  }

  /** The machine code of {@code kernel}. */
  static byte[] emit(Kernel kernel, Isa isa) {
    var first = create(kernel, isa, Plan.FIRST);
    first.emit();
    var second = create(kernel, isa, first.plan());
    return second.emit();
  }

  private static Emitter create(Kernel kernel, Isa isa, Plan plan) {
    return switch (isa) {
      case AVX512 -> new Avx512Emitter(kernel, plan);
      case AVX2 -> new Avx2Emitter(kernel, plan);
      case NONE -> throw new IllegalArgumentException("no machine code for this CPU");
    };
  }

  private Plan plan() {
    int spare = spilled ? 0 : fewestFree;
    int rowValues = kernel.columns() ? 0 : Math.min(spare, mostRowValues());
    var counts = new LinkedHashMap<Integer, Integer>();
    for (var phase : kernel.phases()) {
      for (var instruction : phase.perElement()) {
        for (int input : instruction.inputs()) {
          var bits = constants.get(input);
          if (bits != null) counts.merge(bits, 1, Integer::sum);
        }
      }
    }
    var worthIt =
        counts.entrySet().stream()
            .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
            .limit(spare - rowValues)
            .map(Map.Entry::getKey)
            .toList();
    return new Plan(usedSlots, rowValues, worthIt);
  }

  private int mostRowValues() {
    return kernel.phases().stream().mapToInt(p -> rowValuesUsedIn(p).size()).max().orElse(0);
  }

  /** The values of the row that a phase's body reads, in the order of their first use. */
  private List<Integer> rowValuesUsedIn(Kernel.Phase phase) {
    var inBody = phase.perElement().stream().map(Instruction::id).toList();
    return phase.perElement().stream()
        .flatMap(i -> i.inputs().stream())
        .filter(value -> !inBody.contains(value) && !constants.containsKey(value))
        .distinct()
        .toList();
  }

  private void noteConstant(Instruction instruction) {
    if (instruction.op() == Opcode.CONSTANT) {
      constants.put(instruction.id(), instruction.immediate());
    }
  }

  // ---- what an ISA adds

  /** What is needed once before all loops, such as a mask for the last elements of a row. */
  abstract void prepareTail();

  abstract void loadElements(ElementType type, int to, Memory from);

  abstract void storeElements(ElementType type, Memory to, int from);

  /** One element, repeated in all lanes. */
  abstract void loadRow(ElementType type, int to, Memory from);

  abstract void storeRow(ElementType type, Memory to, int from);

  abstract void select(Predicate predicate, int to, int a, int b, int then, int otherwise);

  /** accumulator = accumulator ∘ value; under the tail only for the lanes inside the row. */
  abstract void accumulate(Opcode reduction, int accumulator, int value);

  /** Every lane becomes the combination of all lanes. */
  abstract void combineLanes(Opcode reduction, int accumulator);

  /** Vectors of constants in the pool take this many bytes. */
  abstract int constantBytes();

  abstract Memory constant(Label pool, int index);

  // ---- the function

  private byte[] emit() {
    SAVED.forEach(asm::push);
    int frame = frameBytes();
    asm.mov(Gpr.R10, Gpr.RSP);
    asm.sub(Gpr.RSP, frame);
    asm.and(Gpr.RSP, -64);
    asm.store(Memory.at(Gpr.RSP, 0), Gpr.R10);
    asm.load(Gpr.RCX, Memory.at(Gpr.RDI, 0));
    limit(1, lanes * unroll());
    limit(2, lanes);
    prepareTail();
    for (int i = 0; i < kernel.operands().size(); i++) {
      var from = Memory.at(Gpr.RDI, 8 * kernel.addressArgument(i));
      if (i < ADDRESSES.size()) {
        asm.load(ADDRESSES.get(i), from);
      } else {
        asm.load(Gpr.R10, from);
        asm.store(addressSlot(i), Gpr.R10);
      }
    }
    pinned.forEach((bits, register) -> asm.op(Simd.VBROADCASTSS, width, register, 0, scalar(bits)));
    loops(0);
    asm.load(Gpr.RSP, Memory.at(Gpr.RSP, 0));
    SAVED.reversed().forEach(asm::pop);
    asm.vzeroupper();
    asm.ret();
    emitPool();
    return asm.finish();
  }

  private void emitPool() {
    asm.align(64);
    asm.bind(pool);
    poolIndex.forEach(
        (bits, index) -> {
          for (int i = 0; i < constantBytes() / 4; i++) asm.data(bits);
        });
    emitTables();
  }

  /** Further data behind the code. */
  void emitTables() {}

  private void limit(int slot, int multiple) {
    asm.mov(Gpr.R10, Gpr.RCX);
    asm.and(Gpr.R10, -multiple);
    asm.store(Memory.at(Gpr.RSP, 8 * slot), Gpr.R10);
  }

  private int frameLongs() {
    int spilledAddresses = Math.max(0, kernel.operands().size() - ADDRESSES.size());
    return FRAME_LONGS + Math.max(kernel.outerLoops(), 1) + spilledAddresses;
  }

  private int slotBase() {
    return Math.ceilDiv(8 * frameLongs(), 64) * 64;
  }

  /** The last slot is for what {@link #buffer} gives. */
  private int frameBytes() {
    return slotBase() + (plan.slots + 1) * width.bytes();
  }

  /** A vector's room on the stack for an ISA to move elements through. */
  final Memory buffer() {
    return Memory.at(Gpr.RSP, slotBase() + plan.slots * width.bytes());
  }

  private Memory counter(int loop) {
    return Memory.at(Gpr.RSP, 8 * (FRAME_LONGS + loop));
  }

  private Memory addressSlot(int operand) {
    int index = FRAME_LONGS + Math.max(kernel.outerLoops(), 1) + operand - ADDRESSES.size();
    return Memory.at(Gpr.RSP, 8 * index);
  }

  /** More copies of small bodies hide latencies; large ones have enough to do. */
  private int unroll() {
    int largest = 0;
    int reductions = 0;
    for (var phase : kernel.phases()) {
      largest = Math.max(largest, phase.perElement().size());
      reductions += (int) phase.perElement().stream().filter(i -> i.op().isReduction()).count();
    }
    int copies = largest <= 10 ? 4 : largest <= 30 ? 2 : 1;
    if (reductions > 2) copies = Math.min(copies, 2);
    return copies;
  }

  private void loops(int loop) {
    int rowLoop = kernel.outerLoops() - (kernel.columns() ? 1 : 0);
    if (loop == rowLoop) {
      if (kernel.columns()) columns();
      else kernel.phases().forEach(this::rowPhase);
      return;
    }
    var top = new Label();
    asm.load(Gpr.R10, Memory.at(Gpr.RDI, 8 * (1 + loop)));
    asm.store(counter(loop), Gpr.R10);
    asm.bind(top);
    loops(loop + 1);
    advance(loop);
    asm.sub(counter(loop), 1);
    asm.jump(Condition.NOT_EQUAL, top);
  }

  private void advance(int loop) {
    for (int i = 0; i < kernel.operands().size(); i++) {
      if (kernel.operands().get(i).access() == Operand.Access.SCRATCH) continue;
      var stride = Memory.at(Gpr.RDI, 8 * (kernel.addressArgument(i) + 1 + loop));
      if (i < ADDRESSES.size()) {
        asm.add(ADDRESSES.get(i), stride);
      } else {
        asm.load(Gpr.R10, stride);
        asm.add(addressSlot(i), Gpr.R10);
      }
    }
  }

  // ---- rows

  private void rowPhase(Kernel.Phase phase) {
    straight(phase.perRow(), true);
    if (phase.perElement().isEmpty()) return;
    var reductions = reductions(phase);
    for (int value : rowValuesUsedIn(phase)) {
      if (resident.size() == plan.residentRowValues) break;
      int register = take();
      asm.op(Simd.VMOVUPS, width, register, 0, slot(value));
      resident.put(value, register);
    }
    startAccumulators(reductions, unroll());
    asm.mov(Gpr.RAX, 0);
    if (unroll() > 1) {
      loop(1, lanes * unroll(), () -> copies(phase.perElement(), unroll()));
    }
    loop(2, lanes, () -> copies(phase.perElement(), 1));
    onTail(() -> copies(phase.perElement(), 1));
    for (var reduction : reductions) finishRow(reduction);
    resident.values().forEach(this::release);
    resident.clear();
  }

  /** While rax is below the limit in the frame. */
  private void loop(int limitSlot, int step, Runnable body) {
    var top = new Label();
    var end = new Label();
    asm.cmp(Gpr.RAX, Memory.at(Gpr.RSP, 8 * limitSlot));
    asm.jump(Condition.GREATER_OR_EQUAL, end);
    asm.bind(top);
    body.run();
    asm.add(Gpr.RAX, step);
    asm.cmp(Gpr.RAX, Memory.at(Gpr.RSP, 8 * limitSlot));
    asm.jump(Condition.LESS, top);
    asm.bind(end);
  }

  private void onTail(Runnable body) {
    var end = new Label();
    asm.cmp(Gpr.RAX, Gpr.RCX);
    asm.jump(Condition.GREATER_OR_EQUAL, end);
    inTail = true;
    body.run();
    inTail = false;
    asm.bind(end);
  }

  private void copies(List<Instruction> body, int count) {
    for (copy = 0; copy < count; copy++) straight(body, false);
    copy = 0;
  }

  private static List<Instruction> reductions(Kernel.Phase phase) {
    return phase.perElement().stream().filter(i -> i.op().isReduction()).toList();
  }

  private void startAccumulators(List<Instruction> reductions, int count) {
    for (var reduction : reductions) {
      var registers = new ArrayList<Integer>();
      for (int i = 0; i < count; i++) {
        int register = take();
        asm.op(Simd.VBROADCASTSS, width, register, 0, scalar(reduction.op().identity()));
        registers.add(register);
      }
      accumulators.put(reduction.id(), registers);
    }
  }

  private void finishRow(Instruction reduction) {
    var registers = known(accumulators, reduction.id());
    int first = registers.getFirst();
    for (int other : registers.subList(1, registers.size())) {
      accumulate(reduction.op(), first, other);
      release(other);
    }
    combineLanes(reduction.op(), first);
    asm.op(Simd.VMOVUPS_STORE, width, first, 0, slot(reduction.id()));
    release(first);
  }

  // ---- columns

  private void columns() {
    asm.mov(Gpr.RAX, 0);
    if (unroll() > 1) loop(1, lanes * unroll(), () -> columnBlock(unroll()));
    loop(2, lanes, () -> columnBlock(1));
    onTail(() -> columnBlock(1));
  }

  private void columnBlock(int count) {
    int loop = kernel.outerLoops() - 1;
    var down = kernel.phases().getFirst();
    var reductions = reductions(down);
    startAccumulators(reductions, count);
    var top = new Label();
    var end = new Label();
    asm.load(Gpr.R10, Memory.at(Gpr.RDI, 8 * (1 + loop)));
    asm.store(counter(loop), Gpr.R10);
    asm.cmp(Gpr.R10, 0);
    asm.jump(Condition.EQUAL, end);
    asm.bind(top);
    copies(down.perElement(), count);
    advance(loop);
    asm.sub(counter(loop), 1);
    asm.jump(Condition.NOT_EQUAL, top);
    rewind(loop);
    asm.bind(end);
    if (kernel.phases().size() > 1) copies(kernel.phases().get(1).perElement(), count);
    accumulators.values().forEach(registers -> registers.forEach(this::release));
    accumulators.clear();
  }

  private void rewind(int loop) {
    for (int i = 0; i < kernel.operands().size(); i++) {
      if (kernel.operands().get(i).access() == Operand.Access.SCRATCH) continue;
      asm.load(Gpr.R10, Memory.at(Gpr.RDI, 8 * (kernel.addressArgument(i) + 1 + loop)));
      asm.imul(Gpr.R10, Memory.at(Gpr.RDI, 8 * (1 + loop)));
      asm.neg(Gpr.R10);
      if (i < ADDRESSES.size()) asm.add(ADDRESSES.get(i), Gpr.R10);
      else asm.add(addressSlot(i), Gpr.R10);
    }
  }

  // ---- straight-line code

  private void straight(List<Instruction> code, boolean perRow) {
    uses.clear();
    for (int i = 0; i < code.size(); i++) {
      for (int input : code.get(i).inputs()) {
        uses.computeIfAbsent(input, k -> new ArrayList<>()).add(i);
        lastUse.put(input, i);
      }
    }
    var local = new ArrayList<Integer>();
    for (position = 0; position < code.size(); position++) {
      var instruction = code.get(position);
      if (instruction.op() == Opcode.CONSTANT) continue;
      emit(instruction);
      int id = instruction.id();
      var register = registers.get(id);
      if (register == null) continue;
      local.add(id);
      if (perRow) asm.op(Simd.VMOVUPS_STORE, width, register, 0, slot(id));
      if (!uses.containsKey(id)) forget(id);
    }
    for (int id : local) {
      forget(id);
      if (!perRow) slots.remove(id);
    }
  }

  private void emit(Instruction i) {
    var in = i.inputs();
    switch (i.op()) {
      case LOAD -> {
        int to = define(i);
        var operand = kernel.operands().get(i.immediate());
        if (operand.access() == Operand.Access.ROW) {
          loadRow(operand.type(), to, rowAddress(i.immediate()));
        } else {
          loadElements(operand.type(), to, address(i.immediate()));
        }
      }
      case STORE -> {
        int from = register(in.getFirst());
        var operand = kernel.operands().get(i.immediate());
        if (operand.access() == Operand.Access.ROW) {
          storeRow(operand.type(), rowAddress(i.immediate()), from);
        } else {
          storeElements(operand.type(), address(i.immediate()), from);
        }
        releaseInputs(in);
      }
      case CONSTANT -> {}
      case ADD -> binary(Simd.VADDPS, i, true);
      case SUB -> binary(Simd.VSUBPS, i, false);
      case MUL -> binary(Simd.VMULPS, i, true);
      case DIV -> binary(Simd.VDIVPS, i, false);
      case MAX -> binary(Simd.VMAXPS, i, false);
      case MIN -> binary(Simd.VMINPS, i, false);
      case SCALE -> binary(Simd.VSCALEFPS, i, false);
      case AND -> binary(Simd.VPANDD, i, true);
      case OR -> binary(Simd.VPORD, i, true);
      case XOR -> binary(Simd.VPXORD, i, true);
      case INT_ADD -> binary(Simd.VPADDD, i, true);
      case INT_SUB -> binary(Simd.VPSUBD, i, false);
      case INT_MUL -> binary(Simd.VPMULLD, i, true);
      case INT_MAX -> binary(Simd.VPMAXSD, i, true);
      case INT_MIN -> binary(Simd.VPMINSD, i, true);
      case UNSIGNED_MAX -> binary(Simd.VPMAXUD, i, true);
      case UNSIGNED_MIN -> binary(Simd.VPMINUD, i, true);
      case SHIFT_LEFT_BY -> binary(Simd.VPSLLVD, i, false);
      case SHIFT_RIGHT_BY -> binary(Simd.VPSRLVD, i, false);
      case SHIFT_RIGHT_SIGNED_BY -> binary(Simd.VPSRAVD, i, false);
      case FMA -> multiplyAdd(Simd.VFMADD231PS, i);
      case FNMA -> multiplyAdd(Simd.VFNMADD231PS, i);
      case SQRT -> unary(Simd.VSQRTPS, i);
      case TO_INT -> unary(Simd.VCVTTPS2DQ, i);
      case TO_NEAREST_INT -> unary(Simd.VCVTPS2DQ, i);
      case TO_FLOAT -> unary(Simd.VCVTDQ2PS, i);
      case ROUND -> {
        int from = register(in.getFirst());
        releaseInputs(in);
        asm.op(Simd.VROUNDPS, width, define(i), 0, from, i.immediate());
      }
      case ROUND_F16 -> {
        int from = register(in.getFirst());
        releaseInputs(in);
        int to = define(i);
        asm.op(Simd.VCVTPS2PH, width, from, 0, to, 0);
        asm.op(Simd.VCVTPH2PS, width, to, 0, to);
      }
      case SHIFT_LEFT -> shift(6, i);
      case SHIFT_RIGHT -> shift(2, i);
      case SHIFT_RIGHT_SIGNED -> shift(4, i);
      case SELECT -> {
        int a = register(in.get(0));
        int b = register(in.get(1));
        int then = register(in.get(2));
        int otherwise = register(in.get(3));
        int to = define(i);
        select(Predicate.of(i.immediate()), to, a, b, then, otherwise);
        releaseInputs(in);
      }
      case REDUCE_SUM,
          REDUCE_PRODUCT,
          REDUCE_MAX,
          REDUCE_MIN,
          REDUCE_INT_SUM,
          REDUCE_INT_PRODUCT,
          REDUCE_INT_MAX,
          REDUCE_INT_MIN,
          REDUCE_UNSIGNED_MAX,
          REDUCE_UNSIGNED_MIN,
          REDUCE_AND,
          REDUCE_OR -> {
        int value = register(in.getFirst());
        accumulate(i.op(), known(accumulators, i.id()).get(copy), value);
        releaseInputs(in);
      }
    }
    unlock();
  }

  private void binary(Simd op, Instruction i, boolean commutative) {
    int a = i.inputs().get(0);
    int b = i.inputs().get(1);
    if (commutative && !inRegister(a) && inRegister(b)) {
      int swap = a;
      a = b;
      b = swap;
    }
    int left = register(a);
    if (inRegister(b)) {
      int right = register(b);
      releaseInputs(i.inputs());
      asm.op(op, width, define(i), left, right);
    } else {
      var right = memory(b);
      releaseInputs(i.inputs());
      asm.op(op, width, define(i), left, right);
    }
  }

  private void unary(Simd op, Instruction i) {
    int from = register(i.inputs().getFirst());
    releaseInputs(i.inputs());
    asm.op(op, width, define(i), 0, from);
  }

  private void shift(int extension, Instruction i) {
    int from = register(i.inputs().getFirst());
    releaseInputs(i.inputs());
    asm.op(Simd.VPSHIFTD_IMMEDIATE, width, extension, define(i), from, i.immediate());
  }

  /** The instruction adds to its destination, which therefore begins as a copy of the addend. */
  private void multiplyAdd(Simd op, Instruction i) {
    int a = i.inputs().get(0);
    int b = i.inputs().get(1);
    int addend = i.inputs().get(2);
    if (!inRegister(a) && inRegister(b)) {
      int swap = a;
      a = b;
      b = swap;
    }
    int left = register(a);
    int right = inRegister(b) ? register(b) : -1;
    int to;
    boolean dies =
        known(lastUse, addend) == position
            && registers.containsKey(addend)
            && !isAccumulator(addend)
            && addend != a
            && addend != b;
    if (dies) {
      to = known(registers, addend);
      registers.remove(addend);
      registers.put(i.id(), to);
    } else {
      var from = inRegister(addend) ? null : memory(addend);
      int source = from == null ? register(addend) : -1;
      to = define(i);
      if (from == null) asm.op(Simd.VMOVUPS, width, to, 0, source);
      else if (from.broadcast()) asm.op(Simd.VBROADCASTSS, width, to, 0, plain(from));
      else asm.op(Simd.VMOVUPS, width, to, 0, from);
    }
    if (right >= 0) asm.op(op, width, to, left, right);
    else asm.op(op, width, to, left, memory(b));
    releaseInputs(i.inputs());
  }

  /** The instruction that combines two vectors as {@code reduction} does. */
  static Simd combination(Opcode reduction) {
    return switch (reduction) {
      case REDUCE_SUM -> Simd.VADDPS;
      case REDUCE_PRODUCT -> Simd.VMULPS;
      case REDUCE_MAX -> Simd.VMAXPS;
      case REDUCE_MIN -> Simd.VMINPS;
      case REDUCE_INT_SUM -> Simd.VPADDD;
      case REDUCE_INT_PRODUCT -> Simd.VPMULLD;
      case REDUCE_INT_MAX -> Simd.VPMAXSD;
      case REDUCE_INT_MIN -> Simd.VPMINSD;
      case REDUCE_UNSIGNED_MAX -> Simd.VPMAXUD;
      case REDUCE_UNSIGNED_MIN -> Simd.VPMINUD;
      case REDUCE_AND -> Simd.VPANDD;
      case REDUCE_OR -> Simd.VPORD;
      default -> throw new IllegalArgumentException(reduction + " is no reduction");
    };
  }

  // ---- addresses

  private Memory address(int operand) {
    var type = kernel.operands().get(operand).type();
    int offset = copy * lanes * type.bytes();
    return Memory.at(pointer(operand), Gpr.RAX, type.scale(), offset);
  }

  private Memory rowAddress(int operand) {
    return Memory.at(pointer(operand), 0);
  }

  private Gpr pointer(int operand) {
    if (operand < ADDRESSES.size()) return ADDRESSES.get(operand);
    asm.load(Gpr.R10, addressSlot(operand));
    return Gpr.R10;
  }

  private Memory scalar(int bits) {
    int index = poolIndex.computeIfAbsent(bits, k -> poolIndex.size());
    return Memory.at(pool, index * constantBytes());
  }

  private static Memory plain(Memory broadcast) {
    return new Memory(
        broadcast.base(),
        broadcast.index(),
        broadcast.scale(),
        broadcast.displacement(),
        broadcast.label(),
        false);
  }

  // ---- registers

  private boolean inRegister(int value) {
    var bits = constants.get(value);
    return bits != null
        ? pinned.containsKey(bits)
        : registers.containsKey(value) || resident.containsKey(value) || isAccumulator(value);
  }

  /** Down a column the accumulators are the values of the reductions. */
  private boolean isAccumulator(int value) {
    return kernel.columns() && accumulators.containsKey(value);
  }

  /** Where a value that is in no register lies. */
  private Memory memory(int value) {
    var bits = constants.get(value);
    if (bits != null) {
      int index = poolIndex.computeIfAbsent(bits, k -> poolIndex.size());
      return constant(pool, index);
    }
    return slot(value);
  }

  private Memory slot(int value) {
    int slot = slots.computeIfAbsent(value, k -> nextSlot());
    return Memory.at(Gpr.RSP, slotBase() + slot * width.bytes());
  }

  private int nextSlot() {
    for (int slot = 0; ; slot++) {
      if (!slots.containsValue(slot)) {
        usedSlots = Math.max(usedSlots, slot + 1);
        return slot;
      }
    }
  }

  /** The register that holds a value until the end of this instruction, loaded if need be. */
  final int register(int value) {
    var bits = constants.get(value);
    if (bits != null && pinned.containsKey(bits)) return pinned.get(bits);
    if (isAccumulator(value)) return known(accumulators, value).get(copy);
    if (resident.containsKey(value)) return resident.get(value);
    var register = registers.get(value);
    if (register == null) {
      int to = take();
      if (bits != null) asm.op(Simd.VBROADCASTSS, width, to, 0, scalar(bits));
      else asm.op(Simd.VMOVUPS, width, to, 0, slot(value));
      if (bits != null) {
        held.add(to);
        return to;
      }
      registers.put(value, to);
      register = to;
    }
    locked.add(value);
    return register;
  }

  private void unlock() {
    held.forEach(this::release);
    held.clear();
    locked.clear();
  }

  private int define(Instruction instruction) {
    int register = take();
    registers.put(instruction.id(), register);
    locked.add(instruction.id());
    return register;
  }

  /** A register for the inside of one instruction; give it back with {@link #release}. */
  final int take() {
    if (free == 0) spill();
    int register = Long.numberOfTrailingZeros(free);
    free &= ~(1L << register);
    fewestFree = Math.min(fewestFree, Long.bitCount(free));
    return register;
  }

  final void release(int register) {
    free |= 1L << register;
  }

  private void releaseInputs(List<Integer> inputs) {
    for (int input : inputs) {
      if (known(lastUse, input) == position) forget(input);
    }
  }

  private void forget(int value) {
    var register = registers.remove(value);
    if (register != null) release(register);
  }

  private static <T> T known(Map<Integer, T> map, int value) {
    return Objects.requireNonNull(map.get(value));
  }

  private void spill() {
    int victim = -1;
    int farthest = -1;
    for (int value : registers.keySet()) {
      if (locked.contains(value)) continue;
      int next = nextUse(value);
      if (next > farthest || (next == farthest && value < victim)) {
        victim = value;
        farthest = next;
      }
    }
    spilled = true;
    if (victim < 0) throw new IllegalStateException("no register to spill");
    if (!slots.containsKey(victim)) {
      asm.op(Simd.VMOVUPS_STORE, width, known(registers, victim), 0, slot(victim));
    }
    forget(victim);
  }

  private int nextUse(int value) {
    for (int use : uses.getOrDefault(value, List.of())) if (use >= position) return use;
    return Integer.MAX_VALUE;
  }
}
