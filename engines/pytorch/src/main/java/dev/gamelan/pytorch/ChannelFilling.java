package dev.gamelan.pytorch;

import static dev.gamelan.pytorch.TorchScript.list;

import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.Collections;

/**
 * Channels of zeros that are added to the groups of a convolution on the CPU, where the oneDNN of
 * PyTorch 2.7 computes others wrong. It stores channels in blocks of 16, and what it fills up
 * itself it may put into the wrong places; which, depends on the CPU (on Zen 5 it does). A strided
 * transposed convolution to an odd number of blocks, but for one, is wrong too.
 *
 * @param inputs how many are added to those that are summed over
 * @param outputs how many are added to those of the result
 * @param result how many the result has in the end
 */
record ChannelFilling(boolean transposed, long groups, long inputs, long outputs, long result) {
  /** Adds nothing. */
  static final ChannelFilling NONE = new ChannelFilling(false, 1, 0, 0, 0);

  private static final long BLOCK = 16;

  /** Up to so many, oneDNN reads a picture as it is, for filters of more than one position. */
  private static final long PLAIN = 3;

  /**
   * @param filter [outputs, inputs of a group, …]; the other way round if it is transposed
   */
  static ChannelFilling of(
      Shape filter, DType dtype, boolean transposed, boolean strided, long groups) {
    long first = filter.dim(0) / groups;
    long second = filter.dim(1);
    long inputs = transposed ? first : second;
    long outputs = transposed ? second : first;
    boolean onePosition = filter.range(2, filter.rank()).size() == 1;
    boolean oneDnn = dtype == DType.F32 || dtype == DType.BF16;
    boolean right =
        !oneDnn
            || (onePosition && dtype == DType.F32)
            || (groups > 1 && (!transposed || (first == 1 && second == 1)));
    if (right) return NONE;
    boolean even = transposed && strided && outputs > BLOCK;
    return new ChannelFilling(
        transposed,
        groups,
        transposed || onePosition || inputs > PLAIN ? missing(inputs, BLOCK) : 0,
        missing(outputs, even ? 2 * BLOCK : BLOCK),
        outputs);
  }

  private static long missing(long channels, long multiple) {
    return Math.ceilDiv(channels, multiple) * multiple - channels;
  }

  /** The operand [examples, channels, …]. */
  String operand(String x, int rank) {
    return fill(x, 1, rank, inputs, true);
  }

  String filter(String filter, int rank) {
    var first = fill(filter, 0, rank, transposed ? inputs : outputs, true);
    return fill(first, 1, rank, transposed ? outputs : inputs, false);
  }

  /** What the convolution gave, without the channels that were added. */
  String result(String y) {
    if (outputs == 0) return y;
    return groups == 1
        ? "torch.narrow(%s, 1, 0, %d)".formatted(y, result)
        : "torch.flatten(torch.narrow(torch.unflatten(%s, 1, [%d, -1]), 2, 0, %d), 1, 2)"
            .formatted(y, groups, result);
  }

  private String fill(String tensor, int axis, int rank, long more, boolean grouped) {
    if (more == 0) return tensor;
    var edges = new ArrayList<>(Collections.nCopies(2 * (rank - axis), 0L));
    edges.set(edges.size() - 1, more); // From the last axis to this one.
    return grouped && groups > 1
        ? "torch.flatten(torch.constant_pad_nd(torch.unflatten(%s, %d, [%d, -1]), %s, 0), %d, %d)"
            .formatted(tensor, axis, groups, list(edges), axis, axis + 1)
        : "torch.constant_pad_nd(%s, %s, 0)".formatted(tensor, list(edges));
  }
}
