package dev.gamelan.onednn;

import java.util.List;

/** One thing that a program does. Immutable: what a run needs of its own is in {@link Run}. */
interface Step {
  /** How many threads share it; each calls {@link #run} with its number. */
  int parts();

  void run(Run run, int part);

  /** Bytes that it takes beside its program's arena. */
  default long workspaceBytes() {
    return 0;
  }

  /** Writes what is the same in each run to the arguments of {@code run}, which is used again. */
  default void prepare(Run run) {}

  /** How a step that reads {@code from} and writes {@code to} bears the two being one. */
  enum InPlace {
    /** It would read what it has written. */
    NO,
    /** It reads each element before it writes it. */
    YES,
    /** It would have nothing to do. */
    IS_COPY
  }

  default InPlace inPlace(Storage from, Storage to) {
    return InPlace.NO;
  }

  /** What it reads or writes. */
  List<Storage> storages();

  /** A line for people: what is computed, by which means, how much. */
  String explain();
}
