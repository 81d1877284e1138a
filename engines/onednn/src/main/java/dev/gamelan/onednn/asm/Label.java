package dev.gamelan.onednn.asm;

/** A place in the code, perhaps not reached yet; {@link Assembler#bind} says where it is. */
public final class Label {
  int position = -1;
}
