package dev.gamelan.onednn;

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

  /** Whether each thread has written some of its columns. */
  boolean dividedByColumns;

  /** The steps between which an arena's bytes are in use. */
  int birth = Integer.MAX_VALUE;

  int death = -1;
  long arenaOffset = -1;

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
}
