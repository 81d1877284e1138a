package dev.gamelan.onednn.dnnl;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What primitives write and forget: one block for each thread that runs them, as long as needed.
 */
final class Scratchpad {
  private static final ThreadLocal<Scratchpad> OF_THREAD = ThreadLocal.withInitial(Scratchpad::new);
  private static final long ALIGNMENT = 64;

  private MemorySegment memory = MemorySegment.NULL;

  private Scratchpad() {}

  /** At least so many bytes, until this thread asks for more. */
  static long address(long bytes) {
    var own = OF_THREAD.get();
    if (own.memory.byteSize() < bytes) own.memory = Arena.ofAuto().allocate(bytes, ALIGNMENT);
    return own.memory.address();
  }
}
