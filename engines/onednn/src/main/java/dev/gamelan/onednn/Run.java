package dev.gamelan.onednn;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Where everything lies during a run of a program: addresses, and the arguments of kernels. It is
 * used for one run at a time, and then for the next.
 */
final class Run {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  /** A larger arena goes back to the pool between runs. */
  private static final long MOST_KEPT = 64 << 10;

  private final Program program;
  private final BlockPool pool;
  private final long[] addresses;
  private final BlockPool.Block argumentBlock;
  private final MemorySegment arguments;

  /** Of the small buffers, behind the arguments. */
  private final MemorySegment small;

  /** Of the steps that hold programs, by their slots. */
  private final AtomicReferenceArray<@Nullable Walk> walks;

  private final AtomicIntegerArray finished;
  private BlockPool.@Nullable Block arena;

  /** The buffers of inputs; in a run inside of another, null for what has none of its own. */
  private List<@Nullable OneDnnBuffer> inputs = List.of();

  /**
   * @param constants where the program's constants lie
   */
  Run(Program program, MemorySegment[] constants, BlockPool pool) {
    this.program = program;
    this.pool = pool;
    this.addresses = new long[program.storages().size()];
    long argumentBytes = Math.ceilDiv(8 * program.arguments(), 64L) * 64;
    this.argumentBlock = pool.take(argumentBytes + program.smallBytes());
    this.arguments = argumentBlock.memory();
    this.small = arguments.asSlice(argumentBytes);
    this.walks = new AtomicReferenceArray<>(program.controls());
    this.finished = new AtomicIntegerArray(program.controls());
    for (var storage : program.storages()) {
      if (storage.kind == Storage.Kind.CONSTANT) {
        addresses[storage.id] = constants[storage.index].address();
      }
    }
    for (var step : program.steps()) step.prepare(this);
  }

  /**
   * Before the steps run: the buffers are acquired. What small ones hold is copied in; outputs too,
   * which may be there to be updated in place.
   */
  void begin(List<OneDnnBuffer> inputs, List<OneDnnBuffer> outputs) {
    this.inputs = new ArrayList<>(inputs);
    begin();
    for (var storage : program.external()) {
      var buffers = storage.kind == Storage.Kind.INPUT ? inputs : outputs;
      var memory = buffers.get(storage.index).memory();
      if (storage.smallOffset < 0) {
        addresses[storage.id] = memory.address();
      } else {
        MemorySegment.copy(memory, 0, small, storage.smallOffset, storage.bytes);
        addresses[storage.id] = small.address() + storage.smallOffset;
      }
    }
  }

  /** After the steps ran: gives small buffers what was computed for them. */
  void copyOut(List<OneDnnBuffer> outputs) {
    for (var storage : program.external()) {
      if (storage.kind == Storage.Kind.OUTPUT && storage.smallOffset >= 0) {
        var memory = outputs.get(storage.index).memory();
        MemorySegment.copy(small, storage.smallOffset, memory, 0, storage.bytes);
      }
    }
  }

  /**
   * As a part of another run, whose addresses come by {@link #bind}.
   *
   * @param operands where the inputs lie in that run
   */
  void begin(Run outer, List<Storage> operands) {
    var buffers = new ArrayList<@Nullable OneDnnBuffer>();
    for (var storage : operands) {
      boolean own = storage.kind == Storage.Kind.INPUT;
      buffers.add(own ? outer.inputs.get(storage.index) : null);
    }
    inputs = buffers;
    begin();
  }

  /** Before another walk through the same steps. */
  void begin() {
    for (int slot = 0; slot < walks.length(); slot++) {
      walks.set(slot, null);
      finished.set(slot, 0);
    }
    if (arena == null) {
      arena = pool.take(program.arenaBytes());
      for (var storage : program.storages()) {
        if (storage.kind == Storage.Kind.ARENA) {
          addresses[storage.id] = arena.memory().address() + storage.arenaOffset;
        }
      }
    }
  }

  /** Where this run's inputs and outputs lie; what is written to the arena stays. */
  void bind(long[] inputAddresses, long[] outputAddresses) {
    for (var storage : program.external()) {
      var of = storage.kind == Storage.Kind.INPUT ? inputAddresses : outputAddresses;
      addresses[storage.id] = of[storage.index];
    }
  }

  /** Lets the other threads of a step join the walk through the program inside of it. */
  void publish(int slot, Walk walk) {
    walks.set(slot, walk);
  }

  /** The latest walk that was published, if any. */
  @Nullable Walk published(int slot) {
    return walks.get(slot);
  }

  /** No more walks come. */
  void finish(int slot) {
    finished.set(slot, 1);
  }

  boolean isFinished(int slot) {
    return finished.get(slot) != 0;
  }

  void end() {
    inputs = List.of();
    if (arena != null && program.arenaBytes() > MOST_KEPT) giveArena();
  }

  /** For good. */
  void free() {
    giveArena();
    pool.give(argumentBlock);
  }

  private void giveArena() {
    if (arena != null) pool.give(arena);
    arena = null;
  }

  /** Where the weights in an input's buffer lie as {@code packing} has them. */
  long packed(Storage storage, long offset, Packing packing) {
    var buffer = inputs.get(storage.index);
    if (buffer == null) throw new IllegalStateException("weights that last have a buffer");
    return buffer.packs().get(address(storage), offset, packing);
  }

  long address(Storage storage) {
    return addresses[storage.id];
  }

  /** All of a storage; what lies there is checked by its size. */
  @SuppressWarnings("restricted") // The program owns the memory and knows its size.
  MemorySegment memory(Storage storage) {
    return MemorySegment.ofAddress(address(storage)).reinterpret(storage.bytes);
  }

  void set(long argument, long value) {
    arguments.setAtIndex(LONG, argument, value);
  }

  long argumentAddress(long argument) {
    return arguments.address() + 8 * argument;
  }
}
