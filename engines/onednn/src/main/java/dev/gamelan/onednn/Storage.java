package dev.gamelan.onednn;

import org.jspecify.annotations.Nullable;

/** A piece of memory that a program reads or writes; {@code id} numbers those of one program. */
final class Storage {
  enum Kind {
    INPUT,
    OUTPUT,
    CONSTANT,
    ARENA
  }

  final int id;
  final Kind kind;
  final long bytes;

  /** Of an input or output. */
  final int index;

  /** The steps between which an arena's bytes are in use. */
  int birth = Integer.MAX_VALUE;

  int death = -1;
  long arenaOffset = -1;

  /** In the arena, the one whose place this one takes, and others before it. */
  private @Nullable Storage first;

  /** Of an input or output whose buffer is small: where its copy lies in a run. */
  long smallOffset = -1;

  Storage(int id, Kind kind, int index, long bytes) {
    this.id = id;
    this.kind = kind;
    this.index = index;
    this.bytes = bytes;
  }

  void usedAt(int step) {
    birth = Math.min(birth, step);
    death = Math.max(death, step);
  }

  /** What would have been written here is written elsewhere. */
  void becomeUnused() {
    birth = Integer.MAX_VALUE;
    death = -1;
  }

  /** Whether it is a piece of the arena that {@code step} writes as the first one. */
  boolean isBornAt(int step) {
    return kind == Kind.ARENA && birth == step && death > step;
  }

  /** Whether it is a piece of the arena that {@code step} reads as the last one. */
  boolean diesAt(int step) {
    return kind == Kind.ARENA && birth < step && death == step;
  }

  void takePlaceOf(Storage other) {
    first = other.place();
    first.death = death;
  }

  /** The one that has this one's place in the arena. */
  Storage place() {
    return first == null ? this : first;
  }
}
