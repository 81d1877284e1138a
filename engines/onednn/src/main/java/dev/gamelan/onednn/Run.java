package dev.gamelan.onednn;

import dev.gamelan.onednn.dnnl.DnnlPrimitive;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Where everything lies during one run of a program: addresses, and the arguments of kernels. */
final class Run {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private final List<OneDnnBuffer> inputs;
  private final long[] addresses;
  private final MemorySegment arguments;

  Run(List<OneDnnBuffer> inputs, long[] addresses, MemorySegment arguments) {
    this.inputs = inputs;
    this.addresses = addresses;
    this.arguments = arguments;
  }

  /** Where the weights in an input's buffer lie as {@code packing} has them. */
  long packed(Storage storage, long offset, DnnlPrimitive.Packing packing) {
    return inputs.get(storage.index).packs().get(offset, packing);
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
