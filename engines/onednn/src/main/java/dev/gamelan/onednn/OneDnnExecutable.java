package dev.gamelan.onednn;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Executable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/** Runs a program: in the caller's thread, or with the whole team where steps are worth it. */
final class OneDnnExecutable implements Executable {
  private final Program program;
  private final Device device;
  private final CompileOptions options;
  private final BlockPool pool;
  private final Team team;
  private final MemorySegment[] constants;
  private final boolean parallel;
  private final int[] firstParts;
  private volatile boolean closed;

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
    this.firstParts = Walk.firsts(program.steps());
    this.parallel = program.steps().stream().anyMatch(step -> step.parts() > 1);
  }

  @Override
  public List<Buffer> run(List<Buffer> inputs) {
    if (closed) throw new EngineException("the executable is closed");
    var types = inputs.stream().map(Buffer::type).toList();
    if (!types.equals(program.inputTypes())) {
      throw new EngineException(
          "the executable takes %s; got %s".formatted(program.inputTypes(), types));
    }
    var addresses = new long[program.storages().size()];
    var acquired = new ArrayList<OneDnnBuffer>(inputs.size());
    var outputs = new ArrayList<OneDnnBuffer>();
    var taken = new ArrayList<BlockPool.Block>();
    boolean done = false;
    try {
      var inputAddresses = new long[inputs.size()];
      for (int i = 0; i < inputAddresses.length; i++) {
        var buffer = (OneDnnBuffer) inputs.get(i);
        inputAddresses[i] = buffer.acquire();
        acquired.add(buffer);
      }
      var outputAddresses = new long[program.outputTypes().size()];
      for (int i = 0; i < outputAddresses.length; i++) {
        var buffer = new OneDnnBuffer(program.outputTypes().get(i), device, pool);
        outputs.add(buffer);
        outputAddresses[i] = buffer.acquire();
        buffer.release();
      }
      var arena = pool.take(program.arenaBytes());
      taken.add(arena);
      var arguments = pool.take(8 * program.arguments());
      taken.add(arguments);
      for (var storage : program.storages()) {
        addresses[storage.id] =
            switch (storage.kind) {
              case INPUT -> inputAddresses[storage.index];
              case OUTPUT -> outputAddresses[storage.index];
              case CONSTANT -> constants[storage.index].address();
              case ARENA -> arena.memory().address() + storage.arenaOffset;
            };
      }
      execute(new Run(acquired, addresses, arguments.memory()));
      done = true;
    } finally {
      Reference.reachabilityFence(this); // Kernels and constants stay until the run is over.
      taken.forEach(pool::give);
      acquired.forEach(OneDnnBuffer::release);
      for (int donated : options.donated()) inputs.get(donated).close();
      if (!done) outputs.forEach(OneDnnBuffer::close);
    }
    return List.copyOf(outputs);
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
