package dev.gamelan.benchmarks;

import dev.gamelan.nn.Layer;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Stream;

/**
 * A single kernel, with contenders that a whole model does not have.
 *
 * @param others by their names
 */
record KernelProgram<L extends Layer>(
    InferenceProgram<L> program, SequencedMap<String, Opener<L>> others) implements Program {
  /** Makes a contender of a layer with its weights and of the input's elements. */
  @FunctionalInterface
  interface Opener<L extends Layer> {
    Contender open(L layer, Input input, Workspace workspace) throws Exception;
  }

  static final String IN_INT8 = "gamelan-int8";
  static final String BARE = "gamelan-kernel";
  static final String ONEDNN = "onednn";
  static final String OPENBLAS = "openblas";

  @Override
  public String name() {
    return program.name();
  }

  @Override
  public String description() {
    return program.description();
  }

  @Override
  public double flops() {
    return program.flops();
  }

  @Override
  public double bytes() {
    return program.bytes();
  }

  @Override
  public List<String> contenders() {
    return Stream.concat(program.contenders().stream(), others.keySet().stream()).toList();
  }

  @Override
  public Agreement agreement(String contender) {
    return contender.equals(IN_INT8) ? Agreement.INT8 : program.agreement(contender);
  }

  @Override
  public Contender open(String contender, Workspace workspace) throws Exception {
    var opener = others.get(contender);
    if (opener == null) return program.open(contender, workspace);
    var layer = workspace.initialize(program.model().get());
    return opener.open(layer, program.input().get(), workspace);
  }
}
