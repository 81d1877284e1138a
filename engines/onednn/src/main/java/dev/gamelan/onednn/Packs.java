package dev.gamelan.onednn;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.MemoryBudget;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * The weights of one buffer as primitives want them, packed when first asked for and kept as long
 * as the buffer: all executables of a device share them.
 */
final class Packs {
  private record Pack(
      long offset, Packing packing, BlockPool.Block block, MemoryBudget.Reservation reservation) {}

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
  synchronized long get(long address, long offset, Packing packing) {
    for (var pack : packs) {
      if (pack.offset == offset && pack.packing.sameAs(packing)) {
        return pack.block.memory().address();
      }
    }
    long bytes = packing.bytes();
    var reservation = Engines.budget(device).reserve(bytes, "packed " + type);
    var block = pool.take(bytes);
    packing.pack(address + offset, block.memory().address());
    packs.add(new Pack(offset, packing, block, reservation));
    return block.memory().address();
  }

  synchronized void clear() {
    for (var pack : packs) {
      pool.give(pack.block);
      pack.reservation.close();
    }
    packs.clear();
  }
}
