package dev.gamelan.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.gamelan.engine.reference.Array;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.GraphBuilder;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/** The expanded graph gives the same bits as the graph with storage dtypes. */
class StorageExpansionTest {
  /** Around every boundary of a narrow float: each value, and the midpoint to the next. */
  private static double[] telling(DType dtype) {
    var values = new ArrayList<Double>();
    for (int code = 0; code < 1 << dtype.bits(); code++) {
      double value = dtype.isFloat() ? dtype.format().decode(code) : dtype.wrap(code);
      double next = dtype.isFloat() ? dtype.format().decode(code + 1) : value + 1;
      double middle = (value + next) / 2;
      values.addAll(List.of(value, middle, Math.nextUp(middle), Math.nextDown(middle)));
    }
    values.addAll(
        List.of(0.0, -0.0, 1e300, -1e300, 1e-300, -1e-300, 1e5, -1e5, 3.7, -3.7, Double.NaN));
    values.addAll(List.of(Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY));
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.MATCH_ANY,
      names = {"F8.*", "F4.*", "I4", "U4", "I2", "U2"})
  void conversionsRoundAndSaturateAlike(DType storage) {
    var doubles = telling(storage);
    for (var dtype : List.of(DType.F64, DType.F32, DType.F16, DType.BF16, DType.I32, DType.U8)) {
      var input = Array.zeros(TensorType.of(dtype, doubles.length));
      for (int i = 0; i < doubles.length; i++) {
        if (dtype.isFloat()) input.floats()[i] = dtype.format().round(doubles[i]);
        else input.integers()[i] = dtype.fromDouble(doubles[i]);
      }
      for (boolean saturate : new boolean[] {false, true}) {
        same(graph(new Primitive.Convert(storage, saturate), input.type()), List.of(input));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.MATCH_ANY,
      names = {"F8.*", "F4.*", "I4", "U4", "I2", "U2"})
  void everyCodeConvertsToEveryDtypeAlike(DType storage) {
    var codes = everyCode(TensorType.of(storage, 1 << storage.bits()));
    for (var to : DType.values()) {
      same(graph(new Primitive.Convert(to, to.isFloat()), codes.type()), List.of(codes));
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.MATCH_ANY,
      names = {"F8.*", "F4.*", "I4", "U4", "I2", "U2"})
  void bitcastsKeepTheBits(DType storage) {
    int most = 64 / storage.bits();
    for (var other : DType.values()) {
      if (other.isBool()) continue;
      int parts = Math.max(other.bits() / storage.bits(), 1);
      var narrow = parts == 1 ? TensorType.of(storage, 3) : TensorType.of(storage, 3, parts);
      same(graph(new Primitive.Bitcast(other), narrow), List.of(everyCode(narrow)));
      int joined = Math.max(storage.bits() / other.bits(), 1);
      var shape = joined == 1 ? TensorType.of(other, most) : TensorType.of(other, 3, joined);
      var wide = everyCode(shape);
      same(graph(new Primitive.Bitcast(storage), wide.type()), List.of(wide));
    }
  }

  @Test
  void packedTypesTravelThroughMovementConstantsAndBodies() {
    var graph =
        Graph.parse(
            """
            (%0: i4[3,3], %1: bool[]) {
              %2 = constant[literal=i4[3]{-8, 7, -1}] : i4[3]
              %3 = fill[value=i4(-3), shape=[]] : i4[]
              %4 = pad[low=[0,1], high=[0,0], interior=[0,0]] %0, %3 : i4[3,4]
              %5 = transpose[permutation=[1,0]] %4 : i4[4,3]
              %6 = reshape[shape=[1,3]] %2 : i4[1,3]
              %7 = concatenate[axis=0] %5, %6 : i4[5,3]
              %8 = cond[onTrue=(%0: i4[5,3]) { %1 = reverse[axes=[0]] %0 : i4[5,3] return %1 }, onFalse=(%0: i4[5,3]) { return %0 }] %1, %7 : i4[5,3]
              return %8, %0
            }""");
    var yes = Array.zeros(TensorType.of(DType.BOOL));
    yes.integers()[0] = 1;
    same(graph, List.of(everyCode(TensorType.of(DType.I4, 3, 3)), yes));
    var expanded = StorageExpansion.apply(graph);
    assertEquals(
        List.of(TensorType.of(DType.U8, 5), TensorType.of(DType.BOOL)), expanded.inputTypes());
    assertFalse(expanded.toString().contains("i4"), expanded::toString);
  }

  @Test
  void aGraphWithoutStorageIsLeftAlone() {
    var graph = Graph.parse("(%0: f32[2]) { %1 = neg %0 : f32[2] return %1 }");
    assertSame(graph, StorageExpansion.apply(graph));
  }

  private static Graph graph(Op op, TensorType input) {
    return GraphBuilder.trace(List.of(input), (g, inputs) -> g.addAll(op, inputs));
  }

  /** But NaNs, whose payload nobody keeps. */
  private static Array everyCode(TensorType type) {
    var bytes = new byte[(int) type.bytes()];
    if (type.dtype().bits() == 8) for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) i;
    else new SplittableRandom(1).nextBytes(bytes);
    var array = Array.zeros(type);
    array.read(MemorySegment.ofArray(bytes));
    for (int i = 0; type.dtype().isFloat() && i < array.size(); i++) {
      if (Double.isNaN(array.floats()[i])) array.floats()[i] = 1;
    }
    return array;
  }

  private static void same(Graph graph, List<Array> inputs) {
    var expected = ReferenceKernels.run(graph, inputs);
    var expanded = StorageExpansion.apply(graph);
    var packed = new ArrayList<Array>();
    for (var input : inputs) packed.add(as(StorageExpansion.packed(input.type()), input));
    var actual = ReferenceKernels.run(expanded, packed);
    for (int i = 0; i < expected.size(); i++) {
      var type = expected.get(i).type();
      assertEquals(elements(expected.get(i)), elements(as(type, actual.get(i))), graph::toString);
    }
  }

  /** The same bytes as another type. */
  private static Array as(TensorType type, Array array) {
    var bytes = new byte[(int) array.type().bytes()];
    array.write(MemorySegment.ofArray(bytes));
    var other = Array.zeros(type);
    other.read(MemorySegment.ofArray(bytes));
    return other;
  }

  /** With equals that tells zeros apart and no NaNs. */
  private static List<? extends Number> elements(Array array) {
    return array.type().dtype().isFloat()
        ? Arrays.stream(array.floats()).boxed().toList()
        : Arrays.stream(array.integers()).boxed().toList();
  }
}
