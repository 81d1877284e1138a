package dev.gamelan.onednn.code;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What steps write and forget: one block for each thread, as long as needed, so that a core finds
 * there what it wrote itself.
 */
public final class Scratchpad {
  private static final ThreadLocal<Scratchpad> OF_THREAD = ThreadLocal.withInitial(Scratchpad::new);
  private static final long ALIGNMENT = 64;

  private MemorySegment memory = MemorySegment.NULL;

  private Scratchpad() {}

  /** At least so many bytes, until this thread asks for more. */
  public static MemorySegment take(long bytes) {
    var own = OF_THREAD.get();
    if (own.memory.byteSize() < bytes) own.memory = Arena.ofAuto().allocate(bytes, ALIGNMENT);
    return own.memory;
  }
}
