package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Memory;
import dev.gamelan.onednn.asm.Simd;
import dev.gamelan.onednn.asm.Width;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Which value of a kernel is in which vector register.
 *
 * <p>Values of a loop's body live in registers until their last use; where there are too few, the
 * one that is used farthest away goes to the stack [1]. Values of a row have a place on the stack
 * and are read from there. Constants are read from memory behind the code. What of both is worth a
 * register, where the first of two passes found some to spare, stays in one.
 *
 * <p>[1] Belady, A study of replacement algorithms for a virtual-storage computer, 1966.
 */
final class Registers {
  /** What the first pass found: places on the stack, and registers to spare. */
  record Plan(int slots, int residentRowValues, List<Integer> pinnedConstants) {
    static final Plan FIRST = new Plan(0, 0, List.of());

    Plan {
      pinnedConstants = List.copyOf(pinnedConstants);
    }

    /** With as much room on the stack, and no register for longer than a value needs it. */
    Plan withoutSpare() {
      return new Plan(slots, 0, List.of());
    }
  }

  private final Kernel kernel;
  private final Assembler asm;
  private final Width width;
  private final Frame frame;
  private final ConstantPool pool;
  private final Plan plan;

  /** Bits of the values that are constants. */
  private final Map<Integer, Integer> constants = new HashMap<>();

  private final Map<Integer, Integer> pinned = new LinkedHashMap<>();
  private final Map<Integer, Integer> resident = new HashMap<>();
  private final Map<Integer, List<Integer>> accumulators = new HashMap<>();
  private final Map<Integer, Integer> registers = new HashMap<>();
  private final Map<Integer, Integer> slots = new HashMap<>();
  private final Map<Integer, List<Integer>> uses = new HashMap<>();

  /** Values that this instruction still needs, and registers that it gives back at its end. */
  private final List<Integer> locked = new ArrayList<>();

  private final List<Integer> held = new ArrayList<>();

  private long free;
  private int fewestFree;
  private boolean spilled;
  private int usedSlots;
  private int position;

  /** Which copy of an unrolled body is being emitted. */
  private int copy;

  Registers(
      Kernel kernel,
      Assembler asm,
      Width width,
      int count,
      Frame frame,
      ConstantPool pool,
      Plan plan) {
    this.kernel = kernel;
    this.asm = asm;
    this.width = width;
    this.frame = frame;
    this.pool = pool;
    this.plan = plan;
    this.free = (1L << count) - 1;
    this.fewestFree = count;
    for (var phase : kernel.phases()) {
      phase.perRow().forEach(this::noteConstant);
      phase.perElement().forEach(this::noteConstant);
    }
    int next = count;
    for (int bits : plan.pinnedConstants) {
      pinned.put(bits, --next);
      free &= ~(1L << next);
    }
  }

  private void noteConstant(Instruction instruction) {
    if (instruction.op() == Opcode.CONSTANT) {
      constants.put(instruction.id(), instruction.immediate());
    }
  }

  // ---- between the passes

  /** Whether the stack has room for all values that went there. */
  boolean fitsFrame() {
    return usedSlots <= plan.slots;
  }

  /** For the next pass. */
  Plan plan() {
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

  // ---- for as long as a loop

  /** Loads the constants that have a register, before all loops. */
  void loadPinned() {
    pinned.forEach(
        (bits, register) -> asm.op(Simd.VBROADCASTSS, width, register, 0, pool.element(bits)));
  }

  /** Loads the values of the row that have a register in the loop of this phase. */
  void loadResidents(Kernel.Phase phase) {
    for (int value : rowValuesUsedIn(phase)) {
      if (resident.size() == plan.residentRowValues) return;
      int register = take();
      asm.op(Simd.VMOVUPS, width, register, 0, slot(value));
      resident.put(value, register);
    }
  }

  void releaseResidents() {
    resident.values().forEach(this::release);
    resident.clear();
  }

  /** A register for each copy of the body, holding what a reduction of nothing gives. */
  void startAccumulators(Instruction reduction, int copies) {
    var mine = new ArrayList<Integer>();
    for (int i = 0; i < copies; i++) {
      int register = take();
      asm.op(Simd.VBROADCASTSS, width, register, 0, pool.element(reduction.op().identity()));
      mine.add(register);
    }
    accumulators.put(reduction.id(), mine);
  }

  List<Integer> accumulators(int reduction) {
    return known(accumulators, reduction);
  }

  int accumulator(int reduction) {
    return accumulators(reduction).get(copy);
  }

  void releaseAccumulators() {
    accumulators.values().forEach(mine -> mine.forEach(this::release));
    accumulators.clear();
  }

  // ---- straight-line code

  void begin(List<Instruction> code, int copy) {
    this.copy = copy;
    uses.clear();
    for (int i = 0; i < code.size(); i++) {
      for (int input : code.get(i).inputs()) {
        uses.computeIfAbsent(input, k -> new ArrayList<>()).add(i);
      }
    }
  }

  void goTo(int position) {
    this.position = position;
  }

  /** Forgets a value that nothing in this code reads any more. */
  void dropUnused(int value) {
    if (!uses.containsKey(value)) forget(value);
  }

  /** At the end of the code: its values are gone, from the stack too unless the row has them. */
  void end(List<Instruction> code, boolean perRow) {
    for (var instruction : code) {
      forget(instruction.id());
      if (!perRow) slots.remove(instruction.id());
    }
  }

  boolean inRegister(int value) {
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
  Memory memory(int value) {
    var bits = constants.get(value);
    return bits != null ? pool.vector(bits) : slot(value);
  }

  /** A value's place on the stack. */
  Memory slot(int value) {
    return frame.slot(slots.computeIfAbsent(value, k -> nextSlot()));
  }

  private int nextSlot() {
    int slot = 0;
    while (slots.containsValue(slot)) slot++;
    usedSlots = Math.max(usedSlots, slot + 1);
    return slot;
  }

  /** The register that holds a value until the end of this instruction, loaded if need be. */
  int register(int value) {
    var bits = constants.get(value);
    if (bits != null) {
      var register = pinned.get(bits);
      if (register != null) return register;
      int to = take();
      asm.op(Simd.VBROADCASTSS, width, to, 0, pool.element(bits));
      held.add(to);
      return to;
    }
    if (isAccumulator(value)) return accumulator(value);
    var stays = resident.get(value);
    if (stays != null) return stays;
    var register = registers.get(value);
    if (register == null) {
      register = take();
      asm.op(Simd.VMOVUPS, width, register, 0, slot(value));
      registers.put(value, register);
    }
    locked.add(value);
    return register;
  }

  /** The register of the value that an instruction computes. */
  int define(int value) {
    int register = take();
    registers.put(value, register);
    locked.add(value);
    return register;
  }

  /** Whether {@code value} is in a register of its own that nothing reads after this. */
  boolean dies(int value) {
    return registers.containsKey(value) && isLastUse(value);
  }

  /** Gives the register of a value that dies to another one. */
  int takeOver(int dying, int value) {
    int register = known(registers, dying);
    registers.remove(dying);
    registers.put(value, register);
    return register;
  }

  /** The register of {@code value}, if it has one of its own. */
  boolean has(int value) {
    return registers.containsKey(value);
  }

  /** A register for the inside of one instruction; give it back with {@link #release}. */
  int take() {
    if (free == 0) spill();
    int register = Long.numberOfTrailingZeros(free);
    free &= ~(1L << register);
    fewestFree = Math.min(fewestFree, Long.bitCount(free));
    return register;
  }

  void release(int register) {
    free |= 1L << register;
  }

  /** Those that die here may become the result. */
  void releaseInputs(List<Integer> inputs) {
    for (int input : inputs) if (isLastUse(input)) forget(input);
  }

  /** At the end of an instruction. */
  void unlock() {
    held.forEach(this::release);
    held.clear();
    locked.clear();
  }

  private boolean isLastUse(int value) {
    return known(uses, value).getLast() == position;
  }

  private void forget(int value) {
    var register = registers.remove(value);
    if (register != null) release(register);
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

  private static <T> T known(Map<Integer, T> map, int value) {
    return Objects.requireNonNull(map.get(value));
  }
}
