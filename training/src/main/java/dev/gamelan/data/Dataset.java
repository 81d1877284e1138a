package dev.gamelan.data;

/** Examples by number. Batches may be made on any thread. */
public interface Dataset {
  long size();

  /** The examples numbered {@code indices}, in that order. */
  Batch batch(long[] indices);
}
