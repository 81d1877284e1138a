package dev.gamelan.stablehlo;

import static dev.gamelan.stablehlo.StableHloText.array;
import static dev.gamelan.stablehlo.StableHloText.list;
import static dev.gamelan.stablehlo.StableHloText.type;

import dev.gamelan.ir.ArgKind;
import dev.gamelan.ir.CompareKind;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.ir.ScatterKind;
import dev.gamelan.stablehlo.StableHloText.Ssa;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/** Gathers, scatters, orders and what finds an index. */
final class StableHloIndexing {
  private final StableHloText text;
  private final StableHloNumbers numbers;

  StableHloIndexing(StableHloText text) {
    this.text = text;
    this.numbers = new StableHloNumbers(text);
  }

  // ---- gathers

  Ssa gather(Primitive.Gather op, List<TensorType> types, TensorType result, List<Ssa> x) {
    var shape = types.get(0).shape();
    int indexAxes = types.get(1).rank();
    var kept = new ArrayList<Integer>();
    for (int i = 0; i < result.rank(); i++) {
      if (i < op.axis() || i >= op.axis() + indexAxes) kept.add(i);
    }
    var numbering =
        "#stablehlo.gather<offset_dims = %s, collapsed_slice_dims = [%d], start_index_map = [%d], index_vector_dim = %d>"
            .formatted(list(kept), op.axis(), op.axis(), indexAxes);
    var indices = numbers.cast(x.get(1), types.get(1), DType.I64); // A byte can't hold the bound.
    return gather(numbering, shape.with(op.axis(), 1), result, List.of(x.get(0), indices));
  }

  Ssa gatherElements(
      Primitive.GatherElements op, List<TensorType> types, TensorType result, List<Ssa> x) {
    int rank = result.rank();
    var all = IntStream.range(0, rank).boxed().toList();
    var numbering =
        "#stablehlo.gather<offset_dims = [], collapsed_slice_dims = %s, start_index_map = %s, index_vector_dim = %d>"
            .formatted(list(all), list(all), rank);
    var ones = Shape.of(Collections.nCopies(rank, 1L));
    var coordinates = coordinates(x.get(1), types.get(1), op.axis());
    return gather(numbering, ones, result, List.of(x.get(0), coordinates));
  }

  private Ssa gather(String numbering, Shape sizes, TensorType result, List<Ssa> x) {
    var attributes =
        "dimension_numbers = %s, indices_are_sorted = false, slice_sizes = %s"
            .formatted(numbering, array(sizes.toList()));
    return text.op("stablehlo.gather", attributes, type(result), x.get(0), x.get(1));
  }

  /** Appends an axis: where each index points to, along all axes. */
  private Ssa coordinates(Ssa indices, TensorType type, int axis) {
    var wide = type.with(DType.I64);
    var column = wide.with(type.shape().append(1));
    var parts = new ArrayList<Ssa>();
    for (int i = 0; i < type.rank(); i++) {
      var along =
          i == axis
              ? numbers.cast(indices, type, DType.I64)
              : text.op("stablehlo.iota", "iota_dimension = %d : i64".formatted(i), type(wide));
      parts.add(text.op("stablehlo.reshape", column, along));
    }
    return text.op(
        "stablehlo.concatenate",
        "dimension = %d : i64".formatted(type.rank()),
        type(wide.with(type.shape().append(type.rank()))),
        parts.toArray(Ssa[]::new));
  }

  // ---- scatters

  Ssa scatter(Primitive.Scatter op, List<TensorType> types, List<Ssa> x) {
    var updates = types.get(2);
    int indexAxes = types.get(1).rank();
    var kept = new ArrayList<Integer>();
    for (int i = 0; i < updates.rank(); i++) {
      if (i < op.axis() || i >= op.axis() + indexAxes) kept.add(i);
    }
    var numbering =
        "#stablehlo.scatter<update_window_dims = %s, inserted_window_dims = [%d], scatter_dims_to_operand_dims = [%d], index_vector_dim = %d>"
            .formatted(list(kept), op.axis(), op.axis(), indexAxes);
    var indices = numbers.cast(x.get(1), types.get(1), DType.I64);
    return scatter(numbering, op.kind(), types, x.get(0), indices, x.get(2));
  }

  Ssa scatterElements(Primitive.ScatterElements op, List<TensorType> types, List<Ssa> x) {
    int rank = types.get(0).rank();
    var all = IntStream.range(0, rank).boxed().toList();
    var numbering =
        "#stablehlo.scatter<update_window_dims = [], inserted_window_dims = %s, scatter_dims_to_operand_dims = %s, index_vector_dim = %d>"
            .formatted(list(all), list(all), rank);
    var coordinates = coordinates(x.get(1), types.get(1), op.axis());
    return scatter(numbering, op.kind(), types, x.get(0), coordinates, x.get(2));
  }

  private Ssa scatter(
      String numbering, ScatterKind kind, List<TensorType> types, Ssa x, Ssa indices, Ssa updates) {
    var type = types.get(0);
    var dtype = kind == ScatterKind.SET ? type.dtype() : StableHloNumbers.wide(type.dtype());
    var scalar = type(TensorType.of(dtype));
    var region =
        switch (kind) {
          case SET -> text.region(List.of(scalar, scalar), pair -> pair.subList(1, 2));
          case ADD -> numbers.combiner(ReduceKind.SUM, dtype);
          case MUL -> numbers.combiner(ReduceKind.PROD, dtype);
          case MAX -> numbers.combiner(ReduceKind.MAX, dtype);
          case MIN -> numbers.combiner(ReduceKind.MIN, dtype);
        };
    var attributes =
        "scatter_dimension_numbers = %s, indices_are_sorted = false, unique_indices = false"
            .formatted(numbering);
    var operands =
        List.of(numbers.cast(x, type, dtype), indices, numbers.cast(updates, types.get(2), dtype));
    var scattered =
        text.ops(
                "stablehlo.scatter",
                attributes,
                List.of(region),
                List.of(type(type.with(dtype))),
                operands)
            .getFirst();
    return numbers.cast(scattered, type.with(dtype), type.dtype());
  }

  // ---- order

  List<Ssa> sort(List<TensorType> types, List<Ssa> x, Primitive.Sort op) {
    var arguments = new ArrayList<String>();
    for (var type : types) {
      var scalar = type(TensorType.of(type.dtype()));
      arguments.addAll(List.of(scalar, scalar));
    }
    var key = TensorType.of(types.getFirst().dtype());
    var region =
        text.region(
            arguments, pairs -> List.of(before(key, pairs.get(0), pairs.get(1), op.descending())));
    return text.ops(
        "stablehlo.sort",
        "dimension = %d : i64, is_stable = true".formatted(op.axis()),
        List.of(region),
        types.stream().map(StableHloText::type).toList(),
        x);
  }

  /** Whether {@code a} comes before {@code b}: NaN is last either way. */
  private Ssa before(TensorType key, Ssa a, Ssa b, boolean descending) {
    var orders = numbers.compare(descending ? CompareKind.GT : CompareKind.LT, key, a, b);
    if (!key.dtype().isFloat()) return orders;
    var bool = key.with(DType.BOOL);
    var isNumber = numbers.compare(CompareKind.EQ, key, a, a);
    var otherIsNan = numbers.compare(CompareKind.NE, key, b, b);
    var numberFirst = text.op("stablehlo.and", bool, isNumber, otherIsNan);
    return text.op("stablehlo.or", bool, orders, numberFirst);
  }

  List<Ssa> topK(TensorType type, Ssa x, long k) {
    int axis = type.rank() - 1;
    var order = type.with(DType.I32);
    var iota = text.op("stablehlo.iota", "iota_dimension = %d : i64".formatted(axis), type(order));
    var sorted = sort(List.of(type, order), List.of(x, iota), new Primitive.Sort(axis, true));
    var slice = Primitive.sliceAxis(type.shape(), axis, 0, k);
    var attributes =
        "start_indices = %s, limit_indices = %s, strides = %s"
            .formatted(array(slice.starts()), array(slice.limits()), array(slice.strides()));
    var shape = type.shape().with(axis, k);
    return List.of(
        text.op("stablehlo.slice", attributes, type(type.with(shape)), sorted.get(0)),
        text.op("stablehlo.slice", attributes, type(order.with(shape)), sorted.get(1)));
  }

  /** A reduction of pairs of value and index: the first NaN, else the first extreme. */
  Ssa argReduce(Primitive.ArgReduce op, TensorType type, Ssa x) {
    boolean max = op.kind() == ArgKind.MAX;
    var value = TensorType.of(type.dtype());
    var index = TensorType.of(op.index());
    var iota =
        text.op(
            "stablehlo.iota",
            "iota_dimension = %d : i64".formatted(op.axis()),
            type(type.with(op.index())));
    var region =
        text.region(
            List.of(type(value), type(index), type(value), type(index)),
            pairs -> {
              var first = wins(value, index, pairs, max ? CompareKind.GT : CompareKind.LT);
              return List.of(
                  text.op("stablehlo.select", value, first, pairs.get(0), pairs.get(2)),
                  text.op("stablehlo.select", index, first, pairs.get(1), pairs.get(3)));
            });
    var kind = max ? ReduceKind.MAX : ReduceKind.MIN;
    var shape = type.shape().without(List.of(op.axis()));
    return text.ops(
            "stablehlo.reduce",
            "dimensions = " + array(op.axis()),
            List.of(region),
            List.of(type(type.with(shape)), type(new TensorType(op.index(), shape))),
            List.of(x, iota, numbers.identity(kind, type.dtype()), text.splat(index, 0)))
        .get(1);
  }

  private Ssa wins(TensorType value, TensorType index, List<Ssa> pairs, CompareKind better) {
    var bool = value.with(DType.BOOL);
    var a = pairs.get(0);
    var b = pairs.get(2);
    var more = numbers.compare(better, value, a, b);
    var equal = numbers.compare(CompareKind.EQ, value, a, b);
    if (value.dtype().isFloat()) {
      var aIsNan = numbers.compare(CompareKind.NE, value, a, a);
      var bIsNan = numbers.compare(CompareKind.NE, value, b, b);
      var bIsNumber = text.op("stablehlo.not", bool, bIsNan);
      more = text.op("stablehlo.or", bool, more, text.op("stablehlo.and", bool, aIsNan, bIsNumber));
      equal = text.op("stablehlo.or", bool, equal, text.op("stablehlo.and", bool, aIsNan, bIsNan));
    }
    var earlier = numbers.compare(CompareKind.LT, index, pairs.get(1), pairs.get(3));
    return text.op("stablehlo.or", bool, more, text.op("stablehlo.and", bool, equal, earlier));
  }
}
