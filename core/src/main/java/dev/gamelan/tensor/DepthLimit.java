package dev.gamelan.tensor;

import java.util.List;

/**
 * Evaluates lazy graphs that grow past a limit, so that a program that never reads runs all the
 * same.
 */
final class DepthLimit {
  private static final int LIMIT = 4000;

  private DepthLimit() {}

  /**
   * At least the unevaluated nodes of a node on {@code operands}; does not count past the limit.
   */
  static long pendingNodes(List<LazyValue> operands) {
    long count = 1;
    for (var operand : operands) {
      if (operand.buffer() == null) count += operand.node().pendingNodes;
    }
    return Math.min(count, LIMIT + 1);
  }

  static void apply(LazyNode node) {
    if (node.pendingNodes <= LIMIT) return;
    // The estimate counts shared nodes more than once; count them exactly before acting on it.
    var capture = new GraphCapture(value -> value.buffer() != null || value.node().op == null);
    capture.add(new LazyValue(node, 0));
    node.pendingNodes = capture.nodes().size();
    if (node.pendingNodes <= LIMIT) return;
    if (DeviceState.of(node.device).hintsAtDepth()) {
      System.getLogger(DepthLimit.class.getName())
          .log(
              System.Logger.Level.INFO,
              "a lazy graph grew past {0} operations and was evaluated; read a value now and then",
              LIMIT);
    }
    Evaluation.run(List.of(new LazyValue(node, 0)));
  }
}
