package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.MemoryBudget;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The weights of one buffer as primitives want them, packed when first asked for and kept as long
 * as the buffer: all executables of a device share them.
 */
final class Packs {
  private static final class Pack {
    private final long offset;
    private final Packing packing;
    private final BlockPool.Block block;
    private final MemoryBudget.Reservation reservation;
    private final int pieces;
    private final AtomicInteger taken = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private volatile boolean failed;

    private Pack(
        long offset, Packing packing, BlockPool.Block block, MemoryBudget.Reservation reservation) {
      this.offset = offset;
      this.packing = packing;
      this.block = block;
      this.reservation = reservation;
      this.pieces = packing.pieces();
    }

    /** All threads that ask while it is packed pack some of it. */
    private void fill(long from) {
      if (done.get() == pieces) return;
      long to = block.memory().address();
      try {
        for (int i = taken.getAndIncrement(); i < pieces; i = taken.getAndIncrement()) {
          packing.pack(from, to, i);
          done.incrementAndGet();
        }
      } catch (RuntimeException | Error e) {
        failed = true;
        throw e;
      }
      for (int looks = 1; done.get() < pieces; looks++) {
        if (failed) throw new EngineException("another thread failed to pack weights");
        Walk.pause(looks);
      }
    }
  }

  private final TensorType type;
  private final Device device;
  private final BlockPool pool;
  private final List<Pack> packs = new ArrayList<>();

  /** Of a buffer that it does not know, so that it does not keep it. */
  Packs(TensorType type, Device device, BlockPool pool) {
    this.type = type;
    this.device = device;
    this.pool = pool;
  }

  /**
   * The address of what begins {@code offset} bytes into the buffer, packed.
   *
   * @param address where a run that has acquired the buffer finds it
   */
  long get(long address, long offset, Packing packing) {
    var pack = pack(offset, packing);
    pack.fill(address + offset);
    return pack.block.memory().address();
  }

  private synchronized Pack pack(long offset, Packing packing) {
    for (var pack : packs) {
      if (pack.offset == offset && pack.packing.sameAs(packing) && !pack.failed) return pack;
    }
    long bytes = packing.bytes();
    var reservation = Engines.budget(device).reserve(bytes, "packed " + type);
    var pack = new Pack(offset, packing, pool.take(bytes), reservation);
    packs.add(pack);
    return pack;
  }

  synchronized void clear() {
    for (var pack : packs) {
      pool.give(pack.block);
      pack.reservation.close();
    }
    packs.clear();
  }
}
