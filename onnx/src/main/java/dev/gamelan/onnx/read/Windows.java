package dev.gamelan.onnx.read;

import dev.gamelan.ir.Window;
import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The attributes that convolutions and pools share: kernel, strides, padding, dilation. */
final class Windows {
  private Windows() {}

  /** Over the axes of {@code spatial}. */
  static Window of(OpContext n, List<Long> spatial, List<Long> kernel) {
    int axes = spatial.size();
    if (kernel.size() != axes) {
      throw n.error("has a kernel %s for the axes %s".formatted(kernel, spatial));
    }
    var ones = Collections.nCopies(axes, 1L);
    var strides = n.integers("strides", ones);
    var dilations = n.integers("dilations", ones);
    if (strides.size() != axes || dilations.size() != axes) {
      throw n.error(
          "has strides %s and dilations %s for the axes %s".formatted(strides, dilations, spatial));
    }
    var low = new ArrayList<Long>();
    var high = new ArrayList<Long>();
    var mode = n.text("auto_pad", "NOTSET");
    var pads = n.integers("pads", Collections.nCopies(2 * axes, 0L));
    if (pads.size() != 2 * axes)
      throw n.error("has pads %s for the axes %s".formatted(pads, spatial));
    for (int i = 0; i < axes; i++) {
      long extent = dilations.get(i) * (kernel.get(i) - 1) + 1;
      switch (mode) {
        case "NOTSET" -> {
          low.add(pads.get(i));
          high.add(pads.get(i + axes));
        }
        case "VALID" -> {
          low.add(0L);
          high.add(0L);
        }
        case "SAME_UPPER", "SAME_LOWER" -> {
          long outputs = Math.ceilDiv(spatial.get(i), strides.get(i));
          long total = Math.max((outputs - 1) * strides.get(i) + extent - spatial.get(i), 0);
          long less = total / 2;
          low.add(mode.equals("SAME_UPPER") ? less : total - less);
          high.add(mode.equals("SAME_UPPER") ? total - less : less);
        }
        default -> throw n.error("has auto_pad '%s'".formatted(mode));
      }
    }
    return new Window(strides, low, high, dilations);
  }

  static List<Long> spatial(Shape shape) {
    return shape.range(2, shape.rank()).toList();
  }
}
