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
    /** There is one for the whole row. */
    ROW,
    /** A row of the kernel's own, of 4 bytes an element, that lives only while it runs. */
    SCRATCH
  }
}
