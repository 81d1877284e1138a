package dev.gamelan.onednn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A program with its constants, and what its last run needed, for the next one. */
final class Runs {
  private final Program program;
  private final BlockPool pool;
  private final MemorySegment[] constants;
  private final boolean parallel;
  private final int[] firstParts;
  private final AtomicReference<@Nullable Run> idle = new AtomicReference<>();

  /** Frees what was kept for a program that is gone. */
  private record Freeing(AtomicReference<@Nullable Run> idle) implements Runnable {
    @Override
    public void run() {
      var run = idle.getAndSet(null);
      if (run != null) run.free();
    }
  }

  Runs(Program program, BlockPool pool) {
    this.program = program;
    this.pool = pool;
    this.constants = new MemorySegment[program.constants().size()];
    for (int i = 0; i < constants.length; i++) {
      var bytes = program.constants().get(i).bytes();
      constants[i] = Arena.ofAuto().allocate(Math.max(bytes.byteSize(), 1), 64);
      MemorySegment.copy(bytes, 0, constants[i], 0, bytes.byteSize());
    }
    this.firstParts = Walk.firsts(program.steps());
    this.parallel = program.steps().stream().anyMatch(step -> step.parts() > 1);
    pool.cleaner().register(this, new Freeing(idle));
  }

  Program program() {
    return program;
  }

  /** Whether any step is worth more than one thread. */
  boolean parallel() {
    return parallel;
  }

  Run take() {
    var run = idle.getAndSet(null);
    return run == null ? new Run(program, constants, pool) : run;
  }

  void give(Run run) {
    run.end();
    if (!idle.compareAndSet(null, run)) run.free();
  }

  /** A walk through the steps for the threads of a team. */
  Walk walk(Run run) {
    return new Walk(program.steps(), run, firstParts);
  }

  /** All steps in this thread. */
  void runAlone(Run run) {
    for (var step : program.steps()) {
      for (int part = 0; part < step.parts(); part++) step.run(run, part);
    }
  }
}
