package dev.gamelan.onednn.kernel;

/**
 * Memory that a kernel reads or writes.
 *
 * @param access how it lies along the row
 */
public record Operand(ElementType type, Access access) {
  /** Where the elements of a row lie. */
  public enum Access {
    /** One after another. */
    ELEMENTS,
    /** One after another, of 4 bytes, which are written past the caches; vectors are aligned. */
    STREAM,
    /** There is one for the whole row. */
    ROW,
    /** A row of the kernel's own, of 4 bytes an element, that lives only while it runs. */
    SCRATCH
  }

  /** Written past the caches, if its elements can be. */
  Operand streamed() {
    boolean can = access == Access.ELEMENTS && type.bytes() == Float.BYTES;
    return can ? new Operand(type, Access.STREAM) : this;
  }
}
