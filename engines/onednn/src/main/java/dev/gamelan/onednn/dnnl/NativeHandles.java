package dev.gamelan.onednn.dnnl;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Objects of oneDNN that die together. */
final class NativeHandles implements Runnable {
  /** What an object is, by the function that destroys it. */
  enum Kind {
    DESCRIPTOR("dnnl_memory_desc_destroy"),
    PRIMITIVE_DESCRIPTOR("dnnl_primitive_desc_destroy"),
    PRIMITIVE("dnnl_primitive_destroy"),
    MEMORY("dnnl_memory_destroy"),
    STREAM("dnnl_stream_destroy");

    private final String destroy;

    Kind(String destroy) {
      this.destroy = destroy;
    }
  }

  private record Handle(Kind kind, MemorySegment object) {}

  private final DnnlBindings bindings;
  private final List<Handle> handles = new ArrayList<>();

  NativeHandles(DnnlBindings bindings) {
    this.bindings = bindings;
  }

  synchronized MemorySegment own(Kind kind, MemorySegment object) {
    handles.add(new Handle(kind, object));
    return object;
  }

  /** Destroys all of them, the last first. */
  @Override
  public synchronized void run() {
    for (var handle : handles.reversed()) bindings.call(handle.kind.destroy, handle.object);
    handles.clear();
  }
}
