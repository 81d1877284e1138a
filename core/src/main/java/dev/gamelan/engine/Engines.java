package dev.gamelan.engine;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Literal;
import dev.gamelan.ir.Op;
import dev.gamelan.pass.AlgebraicSimplification;
import dev.gamelan.pass.CommonSubexpressionElimination;
import dev.gamelan.pass.CompositeExpansion;
import dev.gamelan.pass.ConstantFolding;
import dev.gamelan.pass.DeadNodeElimination;
import dev.gamelan.pass.MixedPrecision;
import dev.gamelan.pass.PadsToConcatenation;
import dev.gamelan.pass.PassPipeline;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The engines of this process, found by {@link ServiceLoader} and loaded when first used, and what
 * hangs on their devices. The only process-wide state.
 */
public final class Engines {
  private static final Engines INSTANCE = new Engines();

  private final Map<String, Engine> loaded = new ConcurrentHashMap<>();
  private final Map<Device, MemoryBudget> budgets = new ConcurrentHashMap<>();
  private final Map<Device, Map<Class<?>, Object>> attachments = new ConcurrentHashMap<>();

  /** Found once: asking every provider costs more than a small evaluation. */
  private volatile @Nullable Device defaultDevice;

  private Engines() {}

  /** All engines on the class path or module path, the preferred first; nothing is loaded. */
  public static List<EngineProvider> providers() {
    return ServiceLoader.load(EngineProvider.class, Engines.class.getClassLoader()).stream()
        .map(ServiceLoader.Provider::get)
        .sorted(Comparator.comparingInt(EngineProvider::priority).reversed())
        .toList();
  }

  /**
   * The engine called {@code name}, loaded if it is not yet.
   *
   * @throws EngineException if there is none, or why it can't be had
   */
  public static Engine get(String name) {
    return INSTANCE.loaded.computeIfAbsent(name, Engines::load);
  }

  private static Engine load(String name) {
    var providers = providers();
    var provider =
        providers.stream()
            .filter(candidate -> candidate.name().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    new EngineException(
                        "no engine is called '%s'; there are: %s; add the artifact gamelan-%s"
                            .formatted(
                                name,
                                providers.stream()
                                    .map(EngineProvider::name)
                                    .collect(Collectors.joining(", ")),
                                name)));
    provider
        .missing()
        .ifPresent(
            why -> {
              throw new EngineException("engine '%s' can't be used: %s".formatted(name, why));
            });
    try {
      return DeepStack.call(provider::create); // Libraries may start deeply.
    } catch (LinkageError e) { // A native library that does not load must not end a program.
      throw new EngineException(
          "engine '%s' can't be loaded: %s".formatted(name, rootOf(e).getMessage()), e);
    }
  }

  private static Throwable rootOf(Throwable e) {
    return e.getCause() == null ? e : rootOf(e.getCause());
  }

  /**
   * The first device of the preferred engine that can be had; those of no priority only by name.
   */
  public static Device defaultDevice() {
    var known = INSTANCE.defaultDevice;
    if (known != null) return known;
    var provider =
        providers().stream()
            .filter(candidate -> candidate.priority() >= 0 && candidate.missing().isEmpty())
            .findFirst()
            .orElseThrow(() -> new EngineException("no engine is available"));
    var device = get(provider.name()).devices().getFirst();
    INSTANCE.defaultDevice = device;
    return device;
  }

  /** Checks that the device exists. */
  public static Device device(String text) {
    var device = Device.parse(text);
    var devices = get(device.engine()).devices();
    if (!devices.contains(device)) {
      throw new EngineException("no device '%s'; there are %s".formatted(text, devices));
    }
    return device;
  }

  /** The memory that tensors on {@code device} may fill. */
  public static MemoryBudget budget(Device device) {
    var known = INSTANCE.budgets.get(device);
    if (known != null) return known;
    return INSTANCE.budgets.computeIfAbsent(
        device, d -> new MemoryBudget(d, get(d.engine()).memoryBytes(d)));
  }

  /** The one {@code type} that hangs on {@code device}, such as its cache of executables. */
  public static <T> T attachment(Device device, Class<T> type, Supplier<T> create) {
    var ofDevice = INSTANCE.attachments.get(device);
    if (ofDevice == null) {
      ofDevice = INSTANCE.attachments.computeIfAbsent(device, d -> new ConcurrentHashMap<>());
    }
    var known = ofDevice.get(type); // Nearly always: no lock, no lambda.
    return type.cast(known != null ? known : ofDevice.computeIfAbsent(type, t -> create.get()));
  }

  /**
   * A buffer of unspecified contents.
   *
   * @throws EngineException naming the dtype if the engine has not got it
   */
  public static Buffer allocate(TensorType type, Device device) {
    var engine = get(device.engine());
    checkDtype("a tensor", type, engine.dtypes(device), device);
    return engine.allocate(type, device);
  }

  /**
   * Checks, expands, simplifies and compiles. Every graph goes through here.
   *
   * @throws EngineException naming the op or dtype that the engine has not, and the remedy
   */
  public static Executable compile(Graph graph, Device device, CompileOptions options) {
    return get(device.engine()).compile(checked(graph, device, options), device, options);
  }

  /** What {@link #compile} gives the engine, or its exception. */
  public static Graph checked(Graph graph, Device device, CompileOptions options) {
    var engine = get(device.engine());
    var prepared = prepare(graph, engine, options.precision());
    checkDtypes(prepared, engine, device);
    engine
        .check(prepared, device)
        .ifPresent(
            unsupported -> {
              throw new EngineException("%s can't run %s".formatted(device, unsupported));
            });
    return prepared;
  }

  /** The graph as {@code engine} compiles it. */
  public static Graph prepare(Graph graph, Engine engine) {
    return prepare(graph, engine, DType.F32);
  }

  private static Graph prepare(Graph graph, Engine engine, DType precision) {
    var expanded = new CompositeExpansion(engine::keeps).apply(graph);
    if (precision != DType.F32) expanded = new MixedPrecision(precision).apply(expanded);
    return PassPipeline.of(
            new AlgebraicSimplification(),
            new PadsToConcatenation(),
            new ConstantFolding(Engines::evaluate),
            new CommonSubexpressionElimination(),
            new DeadNodeElimination())
        .apply(expanded);
  }

  private static List<Literal> evaluate(Op op, List<Literal> operands) {
    var arrays = operands.stream().map(Engines::array).toList();
    var types = op.infer(operands.stream().map(Literal::type).toList());
    return ReferenceKernels.apply(op, arrays, types).stream().map(Engines::literal).toList();
  }

  private static Array array(Literal literal) {
    var array = Array.zeros(literal.type());
    array.read(MemorySegment.ofBuffer(literal.bytes()));
    return array;
  }

  private static Literal literal(Array array) {
    var bytes = new byte[(int) array.type().bytes()];
    array.write(MemorySegment.ofArray(bytes));
    return Literal.of(array.type(), bytes);
  }

  private static void checkDtypes(Graph graph, Engine engine, Device device) {
    var dtypes = engine.dtypes(device);
    for (var input : graph.inputs()) checkDtype("an input", input.type(), dtypes, device);
    for (var node : graph.nodes()) {
      for (var result : node.results()) checkDtype(node.op().name(), result.type(), dtypes, device);
      for (var body : node.op().bodies()) checkDtypes(body, engine, device);
    }
  }

  private static void checkDtype(String what, TensorType type, Set<DType> dtypes, Device device) {
    var dtype = type.dtype();
    if (dtype.isStorage() || dtypes.contains(dtype)) return;
    throw new EngineException(
        "%s has no %s, which %s needs (%s); convert to one of %s, or use another device"
            .formatted(device, dtype, what, type, dtypes));
  }
}
