package dev.gamelan.onednn;

import java.util.List;

/** Brings the elements of a view one behind another, in a storage of their own. */
final class CopyStep implements Step {
  private final Placed from;
  private final Storage to;

  CopyStep(Placed from, Storage to) {
    this.from = from;
    this.to = to;
  }

  @Override
  public int parts() {
    return 1;
  }

  @Override
  public void run(Run run, int part) {
    var source = run.memory(from.storage());
    if (from.view().base().type().dtype().bits() < 8) run.memory(to).copyFrom(source);
    else StridedCopy.copy(from.view(), source, run.memory(to));
  }

  @Override
  public List<Storage> storages() {
    return List.of(from.storage(), to);
  }

  @Override
  public String explain() {
    return "copy       %s%s".formatted(from.view().base().type().dtype(), from.view().shape());
  }
}
