package dev.gamelan.onednn;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * A step that runs programs of its own. The thread with its first part drives; those with the
 * others join each walk that it publishes, until there are no more.
 */
abstract class ControlStep implements Step {
  /** An operand or a result: where it lies, and the bytes of one slice or of all. */
  record Place(Storage storage, long bytes) {}

  private final List<Runs> bodies;
  private final Set<Storage> storages = new LinkedHashSet<>();
  private final int slot;
  private final int parts;
  private final String what;

  /**
   * @param slot from {@link Lowering#reserveControl}
   */
  ControlStep(List<Runs> bodies, List<Storage> storages, int slot, int threads, String what) {
    this.bodies = List.copyOf(bodies);
    this.storages.addAll(storages);
    this.slot = slot;
    this.parts = bodies.stream().anyMatch(Runs::parallel) ? threads : 1;
    this.what = what;
  }

  static List<Storage> storages(List<Place> places) {
    return places.stream().map(Place::storage).toList();
  }

  /** Runs the programs, each by {@link #walk}. */
  abstract void drive(Run run);

  @Override
  public final int parts() {
    return parts;
  }

  @Override
  public final void run(Run run, int part) {
    if (part > 0) {
      join(run, part);
      return;
    }
    try {
      drive(run);
    } finally {
      if (parts > 1) run.finish(slot);
    }
  }

  private void join(Run run, int part) {
    Walk joined = null;
    for (int looks = 0; !run.isFinished(slot); looks++) {
      var walk = run.published(slot);
      if (walk == null || walk == joined) {
        Walk.pause(looks);
        continue;
      }
      joined = walk;
      walk.accept(part);
      looks = 0;
    }
  }

  /** One run of a program inside, whose addresses are bound. */
  final void walk(Run run, Runs body, Run inside) {
    if (parts == 1 || !body.parallel()) {
      body.runAlone(inside);
      return;
    }
    inside.begin();
    var walk = body.walk(inside);
    run.publish(slot, walk);
    walk.accept(0);
    walk.check();
  }

  @Override
  public final List<Storage> storages() {
    return List.copyOf(storages);
  }

  @Override
  public final long workspaceBytes() {
    return bodies.stream().mapToLong(body -> body.program().workspaceBytes()).sum();
  }

  @Override
  public final String explain() {
    var text = new StringBuilder("control    ").append(what);
    for (var body : bodies) {
      for (var step : body.program().steps()) text.append("\n    ").append(step.explain());
    }
    return text.toString();
  }
}
