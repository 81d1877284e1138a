package dev.gamelan.onednn;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Where everything lies during one run of a program: addresses, and the arguments of kernels. */
final class Run {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private final long[] addresses;
  private final MemorySegment arguments;

  Run(long[] addresses, MemorySegment arguments) {
    this.addresses = addresses;
    this.arguments = arguments;
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
