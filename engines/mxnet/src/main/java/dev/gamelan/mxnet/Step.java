package dev.gamelan.mxnet;

import java.util.List;

/** A part of a program. */
interface Step {
  /**
   * @return new arrays, the caller's from now on, which may not be computed yet
   */
  List<Array> run(List<Array> inputs);

  /** Frees what it holds, when nothing runs it. */
  void free();
}
