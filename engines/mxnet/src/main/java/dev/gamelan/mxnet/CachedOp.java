package dev.gamelan.mxnet;

import dev.gamelan.engine.DeepStack;
import dev.gamelan.engine.EngineException;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What MXNet computes, in one call. */
final class CachedOp implements Step {
  /** MXNet plans and starts runs in one thread at a time; it computes them in its own. */
  static final Object STARTING = new Object();

  private final String json;
  private final MemorySegment op;
  private final List<TensorType> outputTypes;
  private final List<Array> constants;

  /** For each argument that MXNet wants: an input, or after those a constant. */
  private final int[] order;

  private volatile boolean planned;

  CachedOp(Graph graph) {
    var inputs = IntStream.range(0, graph.inputs().size()).mapToObj(i -> "i" + i).toList();
    var symbol = Lowering.lower(graph, inputs);
    this.json = symbol.json();
    this.outputTypes = graph.outputTypes();
    var program = DeepStack.call(json, () -> MxNetBindings.createOp(json));
    this.op = program.op();
    this.order = new int[program.inputs().size()];
    var names = new ArrayList<>(inputs);
    for (int i = 0; i < symbol.constants().size(); i++) names.add(symbol.constantName(i));
    for (int i = 0; i < order.length; i++) order[i] = names.indexOf(program.inputs().get(i));
    this.constants = new ArrayList<>();
    for (var literal : symbol.constants()) {
      var array = Array.allocate(literal.type());
      array.write().copyFrom(MemorySegment.ofBuffer(literal.bytes()));
      constants.add(array);
    }
  }

  @Override
  public List<Array> run(List<Array> inputs) {
    var arguments = new ArrayList<MemorySegment>(order.length);
    for (int from : order) {
      var array = from < inputs.size() ? inputs.get(from) : constants.get(from - inputs.size());
      arguments.add(array.handle());
    }
    var handles = invoke(arguments);
    if (handles.length != outputTypes.size()) {
      throw new EngineException(
          "MXNet gave %d results, not %d".formatted(handles.length, outputTypes.size()));
    }
    var outputs = new ArrayList<Array>(handles.length);
    for (int i = 0; i < handles.length; i++) {
      outputs.add(new Array(handles[i], outputTypes.get(i)));
    }
    return outputs;
  }

  private MemorySegment[] invoke(List<MemorySegment> arguments) {
    synchronized (STARTING) {
      if (planned) return MxNetBindings.invoke(op, arguments, true);
      var handles = DeepStack.call(json, () -> checked(MxNetBindings.invoke(op, arguments, true)));
      planned = true;
      return handles;
    }
  }

  /** Memory is read by our types: MXNet must have inferred the same. */
  private MemorySegment[] checked(MemorySegment[] handles) {
    for (int i = 0; i < Math.min(handles.length, outputTypes.size()); i++) {
      var type = outputTypes.get(i);
      int dtype = MxNetBindings.dtype(handles[i]);
      var shape = MxNetBindings.shape(handles[i]);
      if (dtype != DataTypes.number(type.dtype()) || !shape.equals(Array.stored(type))) {
        throw new EngineException(
            "MXNet gave dtype %d %s for %s, of\n%s".formatted(dtype, shape, type, json));
      }
    }
    return handles;
  }

  @Override
  public String toString() {
    return json;
  }

  @Override
  public void free() {
    MxNetBindings.freeOp(op);
    constants.forEach(Array::free);
  }
}
