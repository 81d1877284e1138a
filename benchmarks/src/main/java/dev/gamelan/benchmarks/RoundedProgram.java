package dev.gamelan.benchmarks;

import dev.gamelan.nn.Linear;
import dev.gamelan.nn.QuantizedLinear;
import dev.gamelan.tensor.Precision;
import java.util.ArrayList;
import java.util.List;

/** A product that is also computed with its weights, and x as it comes, rounded to 8 bits. */
record RoundedProgram(InferenceProgram<Linear> program) implements Program {
  private static final String IN_INT8 = "gamelan-int8";

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
    var all = new ArrayList<>(program.contenders());
    all.add(IN_INT8);
    return all;
  }

  @Override
  public Agreement agreement(String contender) {
    return contender.equals(IN_INT8) ? Agreement.INT8 : program.agreement(contender);
  }

  @Override
  public Contender open(String contender, Workspace workspace) throws Exception {
    if (!contender.equals(IN_INT8)) return program.open(contender, workspace);
    var linear = program.model().get();
    workspace.initialize(linear);
    var rounded = QuantizedLinear.int8(linear);
    return new GamelanInference(
        rounded::forward, program.input().get(), Precision.F32, program.resident());
  }
}
