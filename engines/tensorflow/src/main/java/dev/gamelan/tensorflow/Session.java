package dev.gamelan.tensorflow;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.gamelan.engine.DeepStack;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.UseCount;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** A graph that runs in the caller's thread; owns TensorFlow's session. */
final class Session {
  private final MemorySegment graph;
  private final MemorySegment session;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment inputs;
  private final MemorySegment outputs;
  private final int inputCount;
  private final int outputCount;
  private final UseCount uses;
  private volatile boolean compiled;

  /**
   * @param loaded the session's from now on
   * @param inputs what is fed: an operation, and after a colon the index of its result, if not 0
   * @param outputs what is fetched
   * @throws EngineException if the graph lacks one of them
   */
  Session(
      String what,
      TensorFlowBindings.GraphSession loaded,
      List<String> inputs,
      List<String> outputs) {
    this.graph = loaded.graph();
    this.session = loaded.session();
    this.inputCount = inputs.size();
    this.outputCount = outputs.size();
    this.uses = new UseCount(what, this::delete);
    try {
      this.inputs = endpoints(inputs);
      this.outputs = endpoints(outputs);
    } catch (EngineException e) {
      uses.close();
      throw e;
    }
  }

  static Session of(Program program, byte[] config) {
    var graph = TensorFlowBindings.importGraph(program.graph().message().toBytes());
    var loaded = TensorFlowBindings.newSession(graph, config);
    return new Session("the executable", loaded, program.inputs(), program.outputs());
  }

  private MemorySegment endpoints(List<String> names) {
    var array = arena.allocate(TensorFlowBindings.OUTPUT, names.size());
    for (int i = 0; i < names.size(); i++) {
      var name = names.get(i);
      int colon = name.lastIndexOf(':');
      var operation = colon < 0 ? name : name.substring(0, colon);
      int index = colon < 0 ? 0 : index(name.substring(colon + 1));
      long offset = i * TensorFlowBindings.OUTPUT.byteSize();
      array.set(ADDRESS, offset, TensorFlowBindings.operation(graph, operation, index));
      array.set(JAVA_INT, offset + ADDRESS.byteSize(), index);
    }
    return array;
  }

  private static int index(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new EngineException("TensorFlow: no result of an operation has the index " + text, e);
    }
  }

  /** TensorFlow's dtype of an input or output. */
  int dtype(boolean input, int index) {
    var endpoints = input ? inputs : outputs;
    long size = TensorFlowBindings.OUTPUT.byteSize();
    return TensorFlowBindings.dtype(endpoints.asSlice(index * size, size));
  }

  /**
   * @param program that is compiled in the first run
   * @return new tensors
   */
  MemorySegment[] run(List<MemorySegment> tensors, String program) {
    if (compiled) return run(tensors);
    synchronized (outputs) { // No other run need compile it again.
      if (!compiled) {
        var results = DeepStack.call(program, () -> run(tensors));
        compiled = true;
        return results;
      }
    }
    return run(tensors);
  }

  private MemorySegment[] run(List<MemorySegment> tensors) {
    uses.acquire();
    try (var memory = Arena.ofConfined()) {
      var pointers = memory.allocate(ADDRESS, inputCount);
      for (int i = 0; i < inputCount; i++) pointers.setAtIndex(ADDRESS, i, tensors.get(i));
      var results = memory.allocate(ADDRESS, outputCount);
      TensorFlowBindings.run(session, inputs, pointers, inputCount, outputs, results, outputCount);
      var fetched = new MemorySegment[outputCount];
      for (int i = 0; i < outputCount; i++) fetched[i] = results.getAtIndex(ADDRESS, i);
      return fetched;
    } finally {
      uses.release();
    }
  }

  private void delete() {
    TensorFlowBindings.deleteSession(session);
    TensorFlowBindings.deleteGraph(graph);
    arena.close();
  }

  /** After the runs that are under way. */
  void close() {
    uses.close();
  }
}
