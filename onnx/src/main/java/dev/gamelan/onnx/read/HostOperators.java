package dev.gamelan.onnx.read;

import static java.util.Map.entry;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Operators whose results have as many elements as the data say: computed on the host. */
final class HostOperators {
  private HostOperators() {}

  static Map<String, Operator> all() {
    return Map.ofEntries(
        entry("NonZero", HostOperators::nonZero),
        entry("Compress", Operator.one(HostOperators::compress)),
        entry("Unique", HostOperators::unique),
        entry("NonMaxSuppression", HostOperators::nonMaxSuppression));
  }

  private static List<Operand> nonZero(OpContext n) {
    var x = n.data(0);
    var elements = OpContext.doubles(x);
    var at = IntStream.range(0, elements.length).filter(i -> elements[i] != 0).toArray();
    var strides = x.type().shape().strides();
    var indices = new long[strides.length * at.length];
    for (int axis = 0; axis < strides.length; axis++) {
      for (int i = 0; i < at.length; i++) {
        indices[axis * at.length + i] = at[i] / strides[axis] % x.type().dim(axis);
      }
    }
    return List.of(known(indices, strides.length, at.length));
  }

  private static Operand known(long[] elements, long... dims) {
    return new Operand.Known(Array.of(TensorType.of(DType.I64, dims), elements));
  }

  private static Value compress(OpContext n) {
    var x = n.x(0);
    int axis = 0;
    if (n.hasAttribute("axis")) axis = n.axis(n.integer("axis", 0), x.shape());
    else x = n.g.reshape(x, Shape.of(x.shape().size()));
    long size = x.dim(axis);
    var condition = n.data(1).integers();
    var kept =
        IntStream.range(0, (int) Math.min(condition.length, size))
            .filter(i -> condition[i] != 0)
            .asLongStream()
            .toArray();
    return n.g.add(new Primitive.Gather(axis), x, n.value(Importer.known(kept)));
  }

  private static List<Operand> unique(OpContext n) {
    var x = n.data(0);
    var type = x.type();
    boolean flat = !n.hasAttribute("axis");
    int axis = flat ? 0 : n.axis(n.integer("axis", 0), type.shape());
    var shape = flat ? Shape.of(type.size()) : type.shape();
    int count = (int) shape.dim(axis);
    long inner = shape.range(axis + 1, shape.rank()).size();
    long outer = shape.range(0, axis).size();
    var all = OpContext.doubles(x);
    var slices = new double[count][(int) (outer * inner)];
    for (int i = 0; i < count; i++) {
      for (int o = 0; o < outer; o++) {
        for (int e = 0; e < inner; e++) {
          slices[i][(int) (o * inner) + e] = all[(int) ((o * count + i) * inner) + e];
        }
      }
    }
    boolean sorted = n.flag("sorted", true);
    var groups = new TreeMap<double[], List<Integer>>(Arrays::compare);
    for (int i = 0; i < count; i++) {
      groups.computeIfAbsent(slices[i], s -> new ArrayList<>()).add(i);
    }
    var members = new ArrayList<>(groups.values());
    if (!sorted) members.sort(Comparator.comparing(List::getFirst));
    var first = members.stream().mapToLong(List::getFirst).toArray();
    var inverse = new long[count];
    for (int group = 0; group < members.size(); group++) {
      for (int i : members.get(group)) inverse[i] = group;
    }
    var counts = members.stream().mapToLong(List::size).toArray();
    var g = n.g;
    var y =
        g.add(new Primitive.Gather(axis), g.reshape(n.x(0), shape), n.value(Importer.known(first)));
    return List.of(
        n.computed(y), Importer.known(first), Importer.known(inverse), Importer.known(counts));
  }

  /** Boxes as corners, from the highest score down, unless they overlap one that is taken. */
  private static List<Operand> nonMaxSuppression(OpContext n) {
    var boxes = n.data(0);
    var scores = n.data(1);
    long most = n.has(2) ? n.longAt(2) : 0;
    double overlap = n.has(3) ? n.doubleAt(3) : 0;
    double least = n.has(4) ? n.doubleAt(4) : Double.NEGATIVE_INFINITY;
    boolean centred = n.flag("center_point_box", false);
    if (boxes.type().rank() != 3
        || scores.type().rank() != 3
        || boxes.type().dim(2) != 4
        || boxes.type().dim(0) != scores.type().dim(0)
        || boxes.type().dim(1) != scores.type().dim(2)) {
      throw n.error(
          "needs boxes [B, N, 4] and scores [B, C, N]; got %s and %s"
              .formatted(boxes.type(), scores.type()));
    }
    int count = (int) boxes.type().dim(1);
    int classes = (int) scores.type().dim(1);
    var selected = new ArrayList<Long>();
    for (int batch = 0; batch < boxes.type().dim(0); batch++) {
      var corners = new double[count][];
      for (int i = 0; i < count; i++) {
        corners[i] = corners(boxes.floats(), (batch * count + i) * 4, centred);
      }
      for (int c = 0; c < classes; c++) {
        int at = (batch * classes + c) * count;
        var order =
            IntStream.range(0, count)
                .filter(i -> scores.floats()[at + i] > least)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -scores.floats()[at + i]))
                .toList();
        var taken = new ArrayList<Integer>();
        for (int i : order) {
          if (taken.size() >= most) break;
          if (taken.stream().allMatch(t -> intersection(corners[t], corners[i]) <= overlap)) {
            taken.add(i);
            selected.addAll(List.of((long) batch, (long) c, (long) i));
          }
        }
      }
    }
    var flat = selected.stream().mapToLong(Long::longValue).toArray();
    return List.of(known(flat, flat.length / 3, 3));
  }

  private static double[] corners(double[] boxes, int at, boolean centred) {
    double a = boxes[at];
    double b = boxes[at + 1];
    double c = boxes[at + 2];
    double d = boxes[at + 3];
    if (centred) return new double[] {a - c / 2, b - d / 2, a + c / 2, b + d / 2};
    return new double[] {Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)};
  }

  /** Over union. */
  private static double intersection(double[] a, double[] b) {
    double height = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
    double width = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
    if (height <= 0 || width <= 0) return 0;
    double common = height * width;
    return common / (area(a) + area(b) - common);
  }

  private static double area(double[] box) {
    return (box[2] - box[0]) * (box[3] - box[1]);
  }
}
