package dev.gamelan.onednn;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Executable;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs a program: in the caller's thread, or with the whole team where steps are worth it and no
 * other short run has it.
 */
final class OneDnnExecutable implements Executable {
  /** A shorter run does not wait for the team: that would take longer than going alone. */
  private static final long SHORT_NANOS = 200_000;

  private final Runs runs;
  private final Program program;
  private final Device device;
  private final CompileOptions options;
  private final BlockPool pool;
  private final Team team;
  private final long workspaceBytes;

  /** Steps that hold programs want the team. */
  private final boolean mayGoAlone;

  /** Of the last run by the team. */
  private volatile long lastNanos = SHORT_NANOS;

  private volatile boolean closed;

  OneDnnExecutable(
      Program program, Device device, CompileOptions options, BlockPool pool, Team team) {
    this.runs = new Runs(program, pool);
    this.program = program;
    this.device = device;
    this.options = options;
    this.pool = pool;
    this.team = team;
    this.workspaceBytes = program.workspaceBytes();
    this.mayGoAlone = program.controls() == 0;
  }

  @Override
  public List<Buffer> run(List<Buffer> inputs) {
    if (closed) throw new EngineException("the executable is closed");
    Executable.checkTypes(inputs, program.inputTypes());
    var acquired = new ArrayList<OneDnnBuffer>(inputs.size());
    var outputs = new ArrayList<OneDnnBuffer>(program.outputTypes().size());
    Run run = null;
    boolean done = false;
    try {
      for (var input : inputs) {
        var buffer = (OneDnnBuffer) input;
        buffer.acquire();
        acquired.add(buffer);
      }
      for (int i = 0; i < program.outputTypes().size(); i++) outputs.add(output(i, acquired));
      run = runs.take();
      run.begin(acquired, outputs);
      execute(run);
      run.copyOut(outputs);
      done = true;
    } finally {
      Reference.reachabilityFence(this); // Kernels and constants stay until the run is over.
      if (run != null) runs.give(run);
      for (var buffer : acquired) buffer.release();
      for (int donated : options.donated()) inputs.get(donated).close();
      if (!done) outputs.forEach(OneDnnBuffer::close);
    }
    return List.copyOf(outputs);
  }

  /** In the place of a donated input where that is planned and nothing else uses it. */
  private OneDnnBuffer output(int index, List<OneDnnBuffer> inputs) {
    var type = program.outputTypes().get(index);
    for (var pair : program.inPlace()) {
      if (pair.output() != index) continue;
      var input = inputs.get(pair.input());
      var taken = input.takeOver(type);
      if (taken.isPresent()) return taken.get();
      var buffer = OneDnnBuffer.of(type, device, pool);
      if (pair.copied()) input.copyTo(buffer);
      return buffer;
    }
    return OneDnnBuffer.of(type, device, pool);
  }

  private void execute(Run run) {
    if (!runs.parallel()) {
      runs.runAlone(run);
      return;
    }
    var walk = runs.walk(run);
    long begin = System.nanoTime();
    if (mayGoAlone && lastNanos < SHORT_NANOS) {
      if (!team.tryRun(walk)) {
        runs.runAlone(run);
        return;
      }
    } else {
      team.run(walk);
    }
    lastNanos = System.nanoTime() - begin;
    walk.check();
  }

  @Override
  public String explain() {
    var text = new StringBuilder();
    for (var step : program.steps()) text.append(step.explain()).append('\n');
    return text.toString();
  }

  @Override
  public long workspaceBytes() {
    return workspaceBytes;
  }

  @Override
  public void close() {
    closed = true;
  }
}
