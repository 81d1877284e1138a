package dev.gamelan.onednn.dnnl;

import dev.gamelan.onednn.code.Scratchpad;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.jspecify.annotations.Nullable;

/**
 * A primitive with the reorders before and after it that its layouts ask for. Re-entrant: each
 * thread that runs it has memory objects of its own, kept for the next one.
 */
public final class DnnlPrimitive {
  private static final int FROM = Dnnl.SRC;
  private static final int TO = Dnnl.DST;
  private static final int SCRATCHPAD = 80;

  /**
   * What the caller passes for an argument of the primitive.
   *
   * @param packed whether it comes in the layout that the primitive chose
   */
  record Argument(int code, Layout layout, boolean written, boolean packed) {}

  /** From a caller's layout to the one that the primitive chose for its weights. */
  public final class Packing {
    private final Layout from;
    private final MemorySegment to;
    private final Call call;

    private Packing(Layout from, MemorySegment to, Call call) {
      this.from = from;
      this.to = to;
      this.call = call;
    }

    /** Whether the two give the same bytes. */
    public boolean sameAs(Packing other) {
      return from.equals(other.from) && dnnl.bindings.equal(to, other.to);
    }

    public long bytes() {
      return dnnl.bindings.size(to);
    }

    /** What it takes is freed at once: a buffer is packed once. */
    public void pack(long from, long to) {
      var own = new NativeHandles(dnnl.bindings);
      try (var arena = Arena.ofConfined()) {
        dnnl.bindings.useOneThread();
        new BoundCall(call, own, arena).execute(dnnl.stream(own), from, to);
      } finally {
        own.run();
      }
    }
  }

  /** One native call: a primitive and the codes and layouts of its arguments. */
  private record Call(MemorySegment primitive, List<Integer> codes, List<MemorySegment> layouts) {}

  /** A reorder between the caller's layout and the primitive's. */
  private record Reorder(int argument, Call call, long bytes) {}

  private static final Cleaner CLEANER = Cleaner.create();

  private final Dnnl dnnl;
  private final NativeHandles handles;
  private final Call main;
  private final List<Reorder> before = new ArrayList<>();
  private final List<Reorder> after = new ArrayList<>();
  private final String implementation;
  private final @Nullable Packing weights;
  private final ConcurrentLinkedDeque<Context> contexts = new ConcurrentLinkedDeque<>();

  /**
   * @throws DnnlException if all oneDNN has is its plain reference implementation
   */
  DnnlPrimitive(
      Dnnl dnnl, NativeHandles handles, MemorySegment descriptor, List<Argument> arguments) {
    this.dnnl = dnnl;
    this.handles = handles;
    CLEANER.register(this, handles);
    this.implementation = dnnl.bindings.implementation(descriptor);
    if (implementation.startsWith("ref") || implementation.contains(":ref")) {
      DnnlException.check(implementation, 3);
    }
    var layouts = new ArrayList<MemorySegment>();
    Packing packing = null;
    for (int i = 0; i < arguments.size(); i++) {
      var argument = arguments.get(i);
      var wanted = dnnl.bindings.argumentDescriptor(descriptor, argument.code);
      layouts.add(wanted);
      var given = dnnl.descriptor(handles, argument.layout);
      if (dnnl.bindings.equal(wanted, given)) continue;
      if (argument.packed) {
        var reorder = dnnl.reorder(handles, given, wanted);
        var call = call(reorder, List.of(FROM, TO), List.of(given, wanted));
        packing = new Packing(argument.layout, wanted, call);
        continue;
      }
      long bytes = dnnl.bindings.size(wanted);
      if (argument.written) after.add(reorder(i, wanted, given, bytes));
      else before.add(reorder(i, given, wanted, bytes));
    }
    this.weights = packing;
    this.main = call(descriptor, arguments.stream().map(Argument::code).toList(), layouts);
  }

  private Reorder reorder(int argument, MemorySegment from, MemorySegment to, long bytes) {
    return new Reorder(
        argument,
        call(dnnl.reorder(handles, from, to), List.of(FROM, TO), List.of(from, to)),
        bytes);
  }

  private Call call(MemorySegment descriptor, List<Integer> codes, List<MemorySegment> layouts) {
    var allCodes = new ArrayList<>(codes);
    var allLayouts = new ArrayList<>(layouts);
    allCodes.add(SCRATCHPAD);
    allLayouts.add(dnnl.bindings.scratchpadDescriptor(descriptor));
    return new Call(dnnl.primitive(handles, descriptor), allCodes, allLayouts);
  }

  /** How its weights are packed; empty if they come as they are. */
  public Optional<Packing> weights() {
    return Optional.ofNullable(weights);
  }

  public String implementation() {
    return implementation;
  }

  /** How many reorders stand around it. */
  public int reorders() {
    return before.size() + after.size();
  }

  /** Runs it in this thread on memory that fits the layouts, in the order of the arguments. */
  public void execute(long... addresses) {
    dnnl.bindings.useOneThread();
    var context = contexts.pollFirst();
    if (context == null) context = new Context();
    context.execute(addresses);
    contexts.addFirst(context);
  }

  /** What one execution at a time needs. */
  private final class Context {
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment stream = dnnl.stream(handles);
    private final BoundCall bound = new BoundCall(main, handles, arena);
    private final List<BoundCall> boundBefore = bind(before);
    private final List<BoundCall> boundAfter = bind(after);
    private final List<Long> buffersBefore = buffers(before);
    private final List<Long> buffersAfter = buffers(after);

    private List<BoundCall> bind(List<Reorder> reorders) {
      return reorders.stream().map(reorder -> new BoundCall(reorder.call, handles, arena)).toList();
    }

    private List<Long> buffers(List<Reorder> reorders) {
      return reorders.stream().map(reorder -> arena.allocate(reorder.bytes, 64).address()).toList();
    }

    void execute(long[] addresses) {
      var mine = addresses.clone();
      for (int i = 0; i < before.size(); i++) {
        int argument = before.get(i).argument;
        boundBefore.get(i).execute(stream, addresses[argument], buffersBefore.get(i));
        mine[argument] = buffersBefore.get(i);
      }
      for (int i = 0; i < after.size(); i++) mine[after.get(i).argument] = buffersAfter.get(i);
      bound.execute(stream, mine);
      for (int i = 0; i < after.size(); i++) {
        boundAfter.get(i).execute(stream, buffersAfter.get(i), addresses[after.get(i).argument]);
      }
    }
  }

  /** A call with memory objects of its own. */
  private final class BoundCall {
    private final Call call;
    private final List<MemorySegment> memories = new ArrayList<>();
    private final MemorySegment arguments;
    private final long scratch;

    BoundCall(Call call, NativeHandles owner, Arena arena) {
      this.call = call;
      this.arguments = arena.allocate(16L * call.codes.size(), 8);
      for (int i = 0; i < call.codes.size(); i++) {
        var memory = dnnl.memory(owner, call.layouts.get(i));
        memories.add(memory);
        arguments.set(ValueLayout.JAVA_INT, 16L * i, call.codes.get(i));
        arguments.set(ValueLayout.ADDRESS, 16L * i + 8, memory);
      }
      this.scratch = dnnl.bindings.size(call.layouts.getLast());
    }

    void execute(MemorySegment stream, long... addresses) {
      for (int i = 0; i < addresses.length; i++) {
        dnnl.bindings.setDataHandle(memories.get(i), addresses[i]);
      }
      if (scratch > 0) {
        long address = Scratchpad.take(scratch).address();
        dnnl.bindings.setDataHandle(memories.getLast(), address);
      }
      dnnl.bindings.execute(call.primitive, stream, call.codes.size(), arguments);
    }
  }
}
