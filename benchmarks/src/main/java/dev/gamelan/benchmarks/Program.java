package dev.gamelan.benchmarks;

import java.util.List;

/** What is computed: by us, and by others in the way that is best for them. */
public interface Program {
  String name();

  /** One line: the sizes, and what a call is. */
  String description();

  /** How many multiply-adds a call takes, doubled; 0 where memory is what limits. */
  double flops();

  /** How many bytes a call has to move; 0 where arithmetic is what limits. */
  default double bytes() {
    return 0;
  }

  /** Ours first. */
  List<String> contenders();

  Contender open(String contender, Workspace workspace) throws Exception;

  /** How far the result of {@code contender} may be from ours in f32. */
  default Agreement agreement(String contender) {
    return Agreement.F32;
  }
}
