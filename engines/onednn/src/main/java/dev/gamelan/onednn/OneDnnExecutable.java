package dev.gamelan.onednn;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Executable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Runs a program: in the caller's thread, or with the whole team where steps are worth it. */
final class OneDnnExecutable implements Executable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final Program program;
  private final Device device;
  private final CompileOptions options;
  private final BlockPool pool;
  private final Team team;
  private final MemorySegment[] constants;
  private final boolean parallel;
  private final int[] firstParts;

  /** What the last run needed, for the next one. */
  private final AtomicReference<@Nullable Run> idle = new AtomicReference<>();

  private volatile boolean closed;

  /** Frees what an executable kept that is gone. */
  private record Freeing(AtomicReference<@Nullable Run> idle) implements Runnable {
    @Override
    public void run() {
      var run = idle.getAndSet(null);
      if (run != null) run.free();
    }
  }

  OneDnnExecutable(
      Program program, Device device, CompileOptions options, BlockPool pool, Team team) {
    this.program = program;
    this.device = device;
    this.options = options;
    this.pool = pool;
    this.team = team;
    this.constants = new MemorySegment[program.constants().size()];
    for (int i = 0; i < constants.length; i++) {
      var bytes = program.constants().get(i).bytes();
      constants[i] = Arena.ofAuto().allocate(Math.max(bytes.byteSize(), 1), 64);
      MemorySegment.copy(bytes, 0, constants[i], 0, bytes.byteSize());
    }
    CLEANER.register(this, new Freeing(idle));
    this.firstParts = Walk.firsts(program.steps());
    this.parallel = program.steps().stream().anyMatch(step -> step.parts() > 1);
  }

  @Override
  public List<Buffer> run(List<Buffer> inputs) {
    if (closed) throw new EngineException("the executable is closed");
    checkTypes(inputs);
    var acquired = new ArrayList<OneDnnBuffer>(inputs.size());
    var outputs = new ArrayList<OneDnnBuffer>(program.outputTypes().size());
    var run = idle.getAndSet(null);
    boolean done = false;
    try {
      for (var input : inputs) {
        var buffer = (OneDnnBuffer) input;
        buffer.acquire();
        acquired.add(buffer);
      }
      for (var type : program.outputTypes()) outputs.add(new OneDnnBuffer(type, device, pool));
      if (run == null) run = new Run(program, constants, pool);
      run.begin(acquired, outputs);
      execute(run);
      done = true;
    } finally {
      Reference.reachabilityFence(this); // Kernels and constants stay until the run is over.
      if (run != null) {
        run.end();
        if (!idle.compareAndSet(null, run)) run.free();
      }
      for (var buffer : acquired) buffer.release();
      for (int donated : options.donated()) inputs.get(donated).close();
      if (!done) outputs.forEach(OneDnnBuffer::close);
    }
    return List.copyOf(outputs);
  }

  private void checkTypes(List<Buffer> inputs) {
    var types = program.inputTypes();
    boolean same = inputs.size() == types.size();
    for (int i = 0; same && i < types.size(); i++) {
      same = types.get(i).equals(inputs.get(i).type());
    }
    if (same) return;
    throw new EngineException(
        "the executable takes %s; got %s"
            .formatted(types, inputs.stream().map(Buffer::type).toList()));
  }

  private void execute(Run run) {
    var steps = program.steps();
    if (!parallel) {
      for (var step : steps) step.run(run, 0);
      return;
    }
    var walk = new Walk(steps, run, firstParts);
    team.run(walk);
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
    return program.arenaBytes();
  }

  @Override
  public void close() {
    closed = true;
  }
}
