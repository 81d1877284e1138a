package dev.gamelan.mxnet;

import dev.gamelan.engine.DeepStack;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.UseCount;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.exchange.LoadedModel;
import dev.gamelan.exchange.TensorInfo;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A pair of files that MXNet wrote, run by MXNet for inference, on the CPU: a symbol with its
 * arrays. A variable without an array is an input; what the symbol says of its type is kept, else
 * anything goes to MXNet. Such a symbol is code: load those that you trust.
 */
public final class SymbolModel implements LoadedModel {
  private static final String OUTPUT = "_output";

  private final MemorySegment op;
  private final List<TensorInfo> inputs;
  private final List<TensorInfo> outputs;

  /** For each variable its array, or null for the next input. */
  private final List<@Nullable Array> variables;

  private final UseCount uses = new UseCount("the model", this::free);

  private SymbolModel(MxNetBindings.Op op, Map<String, Array> arrays) {
    this.op = op.op();
    this.variables = new ArrayList<>();
    this.inputs = new ArrayList<>();
    for (var name : op.inputs()) {
      var array = arrays.get(name);
      variables.add(array);
      if (array == null) inputs.add(info(name, op.attributes()));
    }
    this.outputs = op.outputs().stream().map(n -> TensorInfo.named(plainOutput(n))).toList();
  }

  /**
   * @param symbol NAME-symbol.json
   * @param parameters NAME-0000.params
   * @throws IOException if one is missing, MXNet can't read the symbol, it has graphs inside of
   *     nodes, or the parameters are not dense arrays of dtypes that we have
   */
  public static SymbolModel load(Path symbol, Path parameters) throws IOException {
    for (var file : List.of(symbol, parameters)) {
      if (!Files.isRegularFile(file)) throw new FileNotFoundException(file.toString());
    }
    MxNetBindings.Op op;
    try {
      var json = SymbolJson.checked(Files.readString(symbol));
      op = DeepStack.call(json, () -> MxNetBindings.createOp(json));
    } catch (EngineException | IOException e) {
      throw new IOException("%s: %s".formatted(symbol, e.getMessage()), e);
    }
    var arrays = new HashMap<String, Array>();
    try (var arena = Arena.ofConfined()) {
      var named = ParameterFile.read(parameters, arena);
      for (var name : named.sequencedKeySet()) {
        var plain = ParameterFile.plain(name);
        // What is called as a variable only; others may lie in the file too.
        if (!op.inputs().contains(plain)) continue;
        var before = arrays.put(plain, array(named.get(name)));
        if (before != null) before.free();
      }
    } catch (IOException | EngineException e) {
      arrays.values().forEach(Array::free);
      MxNetBindings.freeOp(op.op());
      throw new IOException("%s: %s".formatted(parameters, e.getMessage()), e);
    }
    return new SymbolModel(op, arrays);
  }

  private static Array array(@Nullable HostTensor value) {
    if (value == null) throw new IllegalStateException("a name without an array");
    var array = Array.allocate(value.type());
    array.write().copyFrom(value.bytes());
    return array;
  }

  private static TensorInfo info(String name, Map<String, String> attributes) {
    var dtype = attributes.get(name + "$__dtype__");
    var shape = attributes.get(name + "$__shape__");
    return new TensorInfo(
        name, dtype == null ? null : dtype(dtype), shape == null ? null : dims(shape));
  }

  private static @Nullable DType dtype(String number) {
    try {
      return DataTypes.of(Integer.parseInt(number)).orElse(null);
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** Of a tuple; 0 and less stand for any number. */
  private static @Nullable List<Long> dims(String tuple) {
    try {
      return Arrays.stream(tuple.replaceAll("[()\\[\\] L]", "").split(",", -1))
          .filter(dim -> !dim.isEmpty())
          .map(Long::parseLong)
          .map(dim -> dim > 0 ? dim : TensorInfo.ANY)
          .toList();
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private static String plainOutput(String name) {
    return name.endsWith(OUTPUT) ? name.substring(0, name.length() - OUTPUT.length()) : name;
  }

  @Override
  public List<TensorInfo> inputs() {
    return List.copyOf(inputs);
  }

  @Override
  public List<TensorInfo> outputs() {
    return outputs;
  }

  @Override
  public List<HostTensor> run(List<HostTensor> values) {
    check(values);
    uses.acquire();
    try (var owned = new Owned()) {
      var arguments = new ArrayList<MemorySegment>();
      int next = 0;
      for (var array : variables) {
        arguments.add((array == null ? owned.add(array(values.get(next++))) : array).handle());
      }
      return read(invoke(arguments));
    } finally {
      uses.release();
    }
  }

  /** Frees them. */
  private static List<HostTensor> read(MemorySegment[] handles) {
    try {
      var results = new ArrayList<HostTensor>();
      for (var handle : handles) {
        var array = new Array(handle, type(handle));
        var result = HostTensor.allocate(array.type());
        result.bytes().copyFrom(array.read());
        results.add(result);
      }
      return results;
    } finally {
      for (var handle : handles) MxNetBindings.freeArray(handle);
    }
  }

  private MemorySegment[] invoke(List<MemorySegment> arguments) {
    synchronized (CachedOp.STARTING) {
      return DeepStack.call(() -> MxNetBindings.invoke(op, arguments, false));
    }
  }

  private static TensorType type(MemorySegment handle) {
    int number = MxNetBindings.dtype(handle);
    var dtype =
        DataTypes.of(number)
            .orElseThrow(() -> new EngineException("MXNet gave an array of dtype " + number));
    return new TensorType(dtype, MxNetBindings.shape(handle));
  }

  private void check(List<HostTensor> values) {
    if (values.size() != inputs.size()) {
      throw new EngineException(
          "MXNet: the model takes %s; got %d tensors".formatted(inputs, values.size()));
    }
    for (int i = 0; i < values.size(); i++) {
      var type = values.get(i).type();
      if (!inputs.get(i).allows(type)) {
        throw new EngineException(
            "MXNet: the model takes %s; got %s".formatted(inputs.get(i), type));
      }
      if (type.size() == 0 || !DataTypes.computed().contains(type.dtype())) {
        throw new EngineException("MXNet: it knows no %s".formatted(type));
      }
    }
  }

  private void free() {
    MxNetBindings.freeOp(op);
    for (var array : variables) if (array != null) array.free();
  }

  @Override
  public void close() {
    uses.close();
  }
}
