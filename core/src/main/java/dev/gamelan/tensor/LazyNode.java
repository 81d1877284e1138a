package dev.gamelan.tensor;

import dev.gamelan.engine.Device;
import dev.gamelan.ir.Op;
import dev.gamelan.type.TensorType;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * An op that may not have run yet, or a leaf: a buffer, or the placeholder of a recording's input.
 * Guarded by its device's {@link DeviceState} but for what is final.
 */
final class LazyNode {
  final Device device;
  final List<TensorType> types;

  /** Grows with every node made on the device, in all threads. */
  final long sequence;

  /** Where the program made it; known in traces only. */
  final String site;

  /** A number of tensor arithmetic, which may become an input when it changes. */
  boolean number;

  @Nullable Op op;
  List<LazyValue> operands;
  final @Nullable DeviceBuffer[] buffers;

  /** The recording that it belongs to, while that one is open. */
  @Nullable Recording recording;

  /** Where differentiation put what this node computes. */
  volatile @Nullable List<LazyValue> replacement;

  /** What is evaluated together with it. */
  @Nullable EvaluationGroup group;

  /** Open recordings whose variables it was computed from before its history was cut. */
  Set<Recording> madeFrom = Set.of();

  /** An evaluation computed it inside and did not keep the results. */
  boolean computedInside;

  /**
   * Results that the program used after they were computed inside: the next evaluation keeps them.
   */
  final boolean[] wanted;

  /** At least the number of unevaluated nodes below, this one included. */
  long pendingNodes;

  LazyNode(
      Device device,
      List<TensorType> types,
      @Nullable Op op,
      List<LazyValue> operands,
      boolean number,
      @Nullable Recording recording) {
    this(device, types, op, operands, number, recording, recording == null ? "" : recording.site());
  }

  LazyNode(
      Device device,
      List<TensorType> types,
      @Nullable Op op,
      List<LazyValue> operands,
      boolean number,
      @Nullable Recording recording,
      String site) {
    this.device = device;
    this.sequence = DeviceState.of(device).nextSequence();
    this.types = types;
    this.op = op;
    this.operands = operands;
    this.number = number;
    this.buffers = new DeviceBuffer[types.size()];
    this.wanted = new boolean[types.size()];
    this.recording = recording;
    this.site = site;
  }

  static LazyNode leaf(DeviceBuffer buffer, @Nullable Recording recording) {
    var node = leaf(buffer.device(), buffer.type(), recording);
    node.buffers[0] = buffer;
    return node;
  }

  static LazyNode placeholder(Device device, TensorType type, Recording recording) {
    return leaf(device, type, recording);
  }

  /** Without a site, which takes a walk of the stack: it computes nothing that could be wrong. */
  private static LazyNode leaf(Device device, TensorType type, @Nullable Recording recording) {
    return new LazyNode(device, List.of(type), null, List.of(), false, recording, "");
  }

  boolean isPlaceholder() {
    return op == null && buffers[0] == null;
  }

  boolean allKept() {
    for (var buffer : buffers) if (buffer == null) return false;
    return true;
  }

  /** Forgets how it was computed, where nothing can ask any more. */
  void cutHistory() {
    if (op == null || !allKept()) return;
    if (recording != null && recording.needsHistory()) return;
    op = null;
    operands = List.of();
    pendingNodes = 0;
  }
}
