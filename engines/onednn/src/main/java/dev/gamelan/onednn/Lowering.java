package dev.gamelan.onednn;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.pass.PassPipeline;
import dev.gamelan.pass.PoolExpansion;
import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Turns a graph into a program: a step for each unit, and a place for each value in memory. */
final class Lowering {
  private static final long ALIGNMENT = 64;

  private final Graph graph;
  private final Kernels kernels;
  private final BlockPool pool;
  private final CompileOptions options;
  private final Fusion fusion;
  private final List<Unit> order;
  private final Map<Unit, Set<Value>> stored;

  /** How often each base is read. */
  private final Map<Value, Integer> readers = new HashMap<>();

  private final List<Step> steps = new ArrayList<>();
  private final List<Storage> storages = new ArrayList<>();
  private final Map<Value, Storage> places = new HashMap<>();
  private final List<Storage> outputs = new ArrayList<>();
  private final List<Program.Constant> constants = new ArrayList<>();
  private final Map<Value, Integer> outputOf = new HashMap<>();

  /** Weights in a narrower dtype, computed when something asks for them as they are. */
  private final Set<Value> deferred = new HashSet<>();

  private int arguments;
  private int controls;

  private Lowering(Graph graph, Kernels kernels, BlockPool pool, CompileOptions options) {
    this.graph = graph;
    this.kernels = kernels;
    this.pool = pool;
    this.options = options;
    this.fusion = new Fusion(graph, node -> isChannelsLast(graph, node, kernels, options));
    this.order = fusion.order();
    this.stored = Fusion.stored(graph, fusion);
    for (var unit : order) {
      for (var node : unit.nodes) node.inputs().forEach(this::countReader);
    }
    graph.outputs().forEach(this::countReader);
  }

  private void countReader(Value value) {
    readers.merge(fusion.view(value).base(), 1, Integer::sum);
  }

  /**
   * @param pool for the arenas of programs inside of this one
   */
  static Program lower(Graph graph, Kernels kernels, BlockPool pool, CompileOptions options) {
    var rewritten =
        PassPipeline.of(
                g -> AttentionTiles.apply(g, options.precision()),
                ArgExpansion::apply,
                IotaExpansion::apply,
                g -> PoolExpansion.apply(g, Pools::areViews),
                ScatterExpansion::apply,
                g -> ChannelsLast.apply(g, node -> hasPanels(g, node, kernels, options)),
                SlicesFirst::apply,
                g ->
                    ConvolutionExpansion.apply(
                        g, kernels, node -> WinogradLowering.takes(node, g, kernels, options)),
                g -> TransposesFirst.apply(g, value -> lasts(g, value, options)),
                g -> DotExpansion.apply(g, kernels),
                g -> Rematerialization.apply(g, node -> isChannelsLast(g, node, kernels, options)))
            .apply(graph);
    return new Lowering(rewritten, kernels, pool, options).program();
  }

  /** Whether the node's result is a picture whose channels it writes last. */
  private static boolean isChannelsLast(
      Graph graph, Node node, Kernels kernels, CompileOptions options) {
    return ConvolutionLowering.isChannelsLast(node, kernels)
        || WinogradLowering.takes(node, graph, kernels, options);
  }

  /** Whether a convolution's filter is one that our own kernel of products takes in panels. */
  private static boolean hasPanels(
      Graph graph, Node convolution, Kernels kernels, CompileOptions options) {
    var filter = convolution.inputs().get(1);
    return filter.type().dtype() == DType.F32
        && kernels.isa() == Isa.AVX512
        && lasts(graph, filter, options);
  }

  private static boolean lasts(Graph graph, Value value, CompileOptions options) {
    return options.lasting().contains(graph.inputs().indexOf(value));
  }

  private Program program() {
    for (int i = 0; i < graph.inputs().size(); i++) {
      var input = graph.inputs().get(i);
      places.put(input, storage(Storage.Kind.INPUT, i, input.type().bytes()));
    }
    for (int i = 0; i < graph.outputs().size(); i++) {
      var view = fusion.view(graph.outputs().get(i));
      boolean computed = fusion.unit(view.base()).isPresent();
      if (computed && view.isWhole()) outputOf.putIfAbsent(view.base(), i);
    }
    for (var unit : order) {
      if (narrowedWeight(unit).isPresent()) deferred.addAll(unit.nodes.getFirst().results());
      else lower(unit);
    }
    for (int i = 0; i < graph.outputs().size(); i++) outputs.add(output(i));
    InPlace.inArena(steps);
    var inPlace = InPlace.find(steps, storages, options.donated());
    return new Program(
        steps,
        storages,
        storages.stream()
            .filter(s -> s.kind == Storage.Kind.INPUT || s.kind == Storage.Kind.OUTPUT)
            .toList(),
        graph.inputTypes(),
        graph.outputTypes(),
        outputs,
        constants,
        inPlace,
        placeInArena(),
        arguments,
        placeSmall(),
        controls);
  }

  /** Where output {@code i} lies; what is no value of its own is copied. */
  private Storage output(int i) {
    var value = graph.outputs().get(i);
    var view = fusion.view(value);
    if (outputOf.getOrDefault(view.base(), -1) == i) return place(view.base());
    var storage = storage(Storage.Kind.OUTPUT, i, value.type().bytes());
    copy(view, storage);
    return storage;
  }

  // ---- places

  private Storage storage(Storage.Kind kind, int index, long bytes) {
    var storage = new Storage(storages.size(), kind, index, bytes);
    storages.add(storage);
    return storage;
  }

  /** Bytes in the arena for the length of some steps. */
  Storage temporary(long bytes) {
    return storage(Storage.Kind.ARENA, -1, Math.max(bytes, 1));
  }

  /**
   * Where weights lie that are the same from run to run, so that it pays to pack them; empty if
   * they are not. They lie there row-major, but perhaps in a wider dtype.
   */
  Optional<Weights> weights(Value base) {
    var source = fusion.unit(base).flatMap(this::narrowedWeight).orElse(base);
    var storage = places.get(source);
    return storage != null
            && storage.kind == Storage.Kind.INPUT
            && options.lasting().contains(storage.index)
        ? Optional.of(new Weights(storage, source.type().dtype()))
        : Optional.empty();
  }

  /** Of a unit that does nothing but convert a lasting input, that input. */
  private Optional<Value> narrowedWeight(Unit unit) {
    var node = unit.nodes.getFirst();
    if (unit.nodes.size() > 1 || !(node.op() instanceof Primitive.Convert)) return Optional.empty();
    var view = fusion.view(node.inputs().getFirst());
    int input = graph.inputs().indexOf(view.base());
    boolean packable = node.result().type().dtype() == DType.BF16 && view.isWhole();
    return packable && options.lasting().contains(input)
        ? Optional.of(view.base())
        : Optional.empty();
  }

  Placed placed(View view) {
    return new Placed(view, place(view.base()));
  }

  /** Where a base lies: made when first asked for. */
  Storage place(Value base) {
    var known = places.get(base);
    if (known != null) return known;
    if (deferred.remove(base)) fusion.unit(base).ifPresent(this::lower);
    known = places.get(base);
    if (known != null) return known;
    var producer = graph.producer(base);
    Storage storage;
    if (fusion.unit(base).isEmpty() && producer != null) {
      storage = source(producer);
    } else {
      var output = outputOf.get(base);
      storage =
          output != null
              ? storage(Storage.Kind.OUTPUT, output, base.type().bytes())
              : temporary(base.type().bytes());
    }
    places.put(base, storage);
    return storage;
  }

  private Storage source(Node node) {
    var type = node.result().type();
    var bytes =
        switch (node.op()) {
          case Primitive.Constant constant -> bytes(constant.literal().bytes());
          case Primitive.Fill fill -> fill(fill, type);
          case Primitive.Iota iota -> iota(iota, type);
          default -> throw new IllegalStateException(node.op().name() + " is no source");
        };
    var storage = storage(Storage.Kind.CONSTANT, constants.size(), Math.max(bytes.length, 1));
    constants.add(new Program.Constant(storage, MemorySegment.ofArray(bytes)));
    return storage;
  }

  private static byte[] bytes(ByteBuffer buffer) {
    return MemorySegment.ofBuffer(buffer).toArray(ValueLayout.JAVA_BYTE);
  }

  /** One element, or all of them where they are packed. */
  private static byte[] fill(Primitive.Fill fill, TensorType type) {
    var one = bytes(Literal.of(type.with(Shape.scalar()), List.of(fill.value())).bytes());
    int bits = type.dtype().bits();
    if (bits >= 8) return one;
    int packed = 0;
    for (int i = 0; i < 8; i += bits) packed |= (one[0] & ((1 << bits) - 1)) << i;
    var all = new byte[Math.toIntExact(type.bytes())];
    Arrays.fill(all, (byte) packed);
    return all;
  }

  private static byte[] iota(Primitive.Iota iota, TensorType type) {
    int count = Math.toIntExact(type.dim(iota.axis()));
    DType dtype = type.dtype();
    int size = dtype.bits() / 8;
    var all = new byte[count * size];
    for (int i = 0; i < count; i++) {
      long bits =
          (dtype.isFloat() ? Scalar.of(dtype, (double) i) : Scalar.of(dtype, (long) i)).bits();
      for (int b = 0; b < size; b++) all[i * size + b] = (byte) (bits >>> (8 * b));
    }
    return all;
  }

  /** Gives the copies of small buffers their places; returns how many bytes they take. */
  private long placeSmall() {
    long total = 0;
    for (var storage : storages) {
      boolean external = storage.kind == Storage.Kind.INPUT || storage.kind == Storage.Kind.OUTPUT;
      if (!external || !OneDnnBuffer.isSmall(storage.bytes)) continue;
      storage.smallOffset = total;
      total += Math.ceilDiv(storage.bytes, ALIGNMENT) * ALIGNMENT;
    }
    return total;
  }

  /** Greedy by size, as in {@link dev.gamelan.pass.MemoryPlan}. */
  private long placeInArena() {
    var inArena =
        storages.stream()
            .filter(storage -> storage.kind == Storage.Kind.ARENA && storage.place() == storage)
            .sorted(
                Comparator.comparingLong((Storage storage) -> storage.bytes)
                    .reversed()
                    .thenComparingInt(storage -> storage.id))
            .toList();
    var placed = new ArrayList<Storage>(); // By offset.
    long total = 0;
    for (var storage : inArena) {
      long bytes = Math.ceilDiv(storage.bytes, ALIGNMENT) * ALIGNMENT;
      long offset = 0;
      for (var other : placed) {
        if (other.birth > storage.death || storage.birth > other.death) continue;
        if (offset + bytes <= other.arenaOffset) break;
        long end = other.arenaOffset + Math.ceilDiv(other.bytes, ALIGNMENT) * ALIGNMENT;
        offset = Math.max(offset, end);
      }
      storage.arenaOffset = offset;
      int behind = placed.size();
      while (behind > 0 && placed.get(behind - 1).arenaOffset > offset) behind--;
      placed.add(behind, storage);
      total = Math.max(total, offset + bytes);
    }
    for (var storage : storages) storage.arenaOffset = storage.place().arenaOffset;
    return total;
  }

  // ---- steps

  void step(Step step) {
    for (var storage : step.storages()) storage.usedAt(steps.size());
    steps.add(step);
  }

  /** Adds what brings the elements of {@code view} one behind another. */
  void copy(View view, Storage to) {
    var dtype = view.base().type().dtype();
    if (dtype.bits() < 8) { // Packed ones are never moved, only reshaped.
      copy(1, List.of(dtype.bytes(view.shape().size())), List.of(1L), 0, place(view.base()), to);
    } else {
      int bytes = dtype.bits() / 8;
      copy(bytes, view.shape().toList(), view.strides(), view.offset(), place(view.base()), to);
    }
  }

  private void copy(
      int bytes, List<Long> dims, List<Long> strides, long offset, Storage from, Storage to) {
    new Movement(this, kernels)
        .copy(
            bytes,
            dims,
            new Movement.Region(from, offset, strides),
            new Movement.Region(to, 0, View.boxed(Shape.of(dims).strides())));
  }

  /**
   * Brings all that {@code view} reads to {@code to}, each element of which is written once. A
   * product of our own kernel that nothing else reads is written there at once.
   */
  void bring(View view, Movement.Region to) {
    if (isProduced(view, to)) return;
    new Movement(this, kernels)
        .copy(
            view.base().type().dtype().bits() / 8,
            view.shape().toList(),
            new Movement.Region(place(view.base()), view.offset(), view.strides()),
            to);
  }

  private boolean isProduced(View view, Movement.Region to) {
    var from = place(view.base());
    if (from.kind != Storage.Kind.ARENA || readers.getOrDefault(view.base(), 0) != 1) return false;
    var relocation = Relocation.of(view, from, to);
    if (relocation.isEmpty() || from.birth >= steps.size()) return false;
    int producer = from.birth;
    if (!(steps.get(producer) instanceof MatmulStep product)) return false;
    var relocated = product.relocated(relocation.get());
    if (relocated.isEmpty()) return false;
    steps.set(producer, relocated.get());
    to.storage().usedAt(producer);
    from.becomeUnused();
    return true;
  }

  /** Room for the arguments of a kernel step. */
  int reserveArguments(int count) {
    int first = arguments;
    arguments += count;
    return first;
  }

  /** A place for the walk of a step that holds programs of its own. */
  int reserveControl() {
    return controls++;
  }

  /**
   * The program of a graph inside of this one.
   *
   * @param operands where its inputs lie
   * @param firstFree the first of them that is the same in each of its runs
   */
  Runs nested(Graph body, List<Storage> operands, int firstFree) {
    var lastingInside = new HashSet<Integer>();
    for (int i = firstFree; i < operands.size(); i++) {
      if (lasts(operands.get(i))) lastingInside.add(i);
    }
    var inside = options.withDonated(Set.of()).withLasting(lastingInside);
    return new Runs(lower(body, kernels, pool, inside), pool);
  }

  private boolean lasts(Storage storage) {
    return storage.kind == Storage.Kind.INPUT && options.lasting().contains(storage.index);
  }

  /** Where a value lies one element behind another. */
  Storage dense(Value value) {
    var view = fusion.view(value);
    if (view.offset() == 0 && view.isContiguous()) return place(view.base());
    var copy = temporary(value.type().bytes());
    copy(view, copy);
    return copy;
  }

  private void lower(Unit unit) {
    if (unit.fused) {
      new KernelLowering(this, kernels, unit, stored.getOrDefault(unit, Set.of())).lower();
      return;
    }
    var node = unit.nodes.getFirst();
    if (new MovementLowering(this, new Movement(this, kernels)).lower(node)) return;
    if (new ControlLowering(this, kernels).lower(node)) return;
    if (new QuantizedLowering(this, kernels).lower(node)) return;
    var step =
        switch (node.op()) {
          case Primitive.DotGeneral dot -> new DotLowering(this, kernels, node, dot).lower();
          case Primitive.Convolution c ->
              WinogradLowering.takes(node, graph, kernels, options)
                  ? Optional.of(new WinogradLowering(this, kernels).lower(node))
                  : new ConvolutionLowering(this, kernels).lower(node);
          case Primitive.ConvolutionInputGradient c ->
              new ConvolutionLowering(this, kernels).lower(node);
          case Primitive.ConvolutionFilterGradient c ->
              new ConvolutionLowering(this, kernels).lower(node);
          case Primitive.Sort s -> new OrderLowering(this, kernels).lower(node);
          case Primitive.TopK t -> new OrderLowering(this, kernels).lower(node);
          default -> new IndexingLowering(this, kernels).lower(node);
        };
    if (step.isPresent()) step(step.get());
    else reference(node);
  }

  /** The step of the reference's code, whose results are row-major. */
  private void reference(Node node) {
    var operands = node.inputs().stream().map(input -> placed(fusion.view(input))).toList();
    var results = new ArrayList<Storage>();
    for (var result : node.results()) {
      boolean whole = fusion.view(result).isWhole();
      results.add(whole ? place(result) : temporary(result.type().bytes()));
    }
    step(new ReferenceStep(node, operands, results));
    for (int i = 0; i < results.size(); i++) {
      var result = node.results().get(i);
      if (fusion.view(result).isWhole()) continue;
      var type = result.type();
      new Movement(this, kernels)
          .copy(
              type.dtype().bits() / 8,
              type.shape().toList(),
              new Movement.Region(results.get(i), 0, View.boxed(type.shape().strides())),
              new Movement.Region(place(result), 0, fusion.view(result).strides()));
    }
  }

  /** In which contractions of f32 may read their operands. */
  DType precision() {
    return options.precision();
  }

  View view(Value value) {
    return fusion.view(value);
  }

  /** The one number that a base consists of, if its node says so. */
  Optional<Scalar> scalar(Value base) {
    var producer = graph.producer(base);
    if (producer == null) return Optional.empty();
    return switch (producer.op()) {
      case Primitive.Fill fill -> Optional.of(fill.value());
      case Primitive.Constant constant when constant.literal().type().size() == 1 ->
          Optional.of(constant.literal().element(0));
      default -> Optional.empty();
    };
  }
}
