package dev.gamelan.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DjlArraysTest {
  /** Bit patterns come back, whatever they mean. */
  @ParameterizedTest
  @EnumSource(names = {"F32", "F64", "F16", "I8", "U8", "I32", "I64"})
  void aTensorComesBackFromDjlBitForBit(DType dtype) {
    var type = TensorType.of(dtype, 2, 3);
    var bytes = new byte[(int) type.bytes()];
    for (int i = 0; i < bytes.length; i++) bytes[i] = (byte) (3 * i + 1);
    try (var manager = NDManager.newBaseManager()) {
      var array = DjlArrays.toArray(Tensor.of(type, MemorySegment.ofArray(bytes)), manager);
      assertEquals(new Shape(2, 3), array.getShape());
      var back = DjlArrays.toTensor(array);
      var read = new byte[bytes.length];
      back.read(MemorySegment.ofArray(read));
      assertEquals(type, back.type());
      assertArrayEquals(bytes, read);
    }
  }

  @Test
  void aTransposedArrayIsReadInItsOrder() {
    try (var manager = NDManager.newBaseManager()) {
      var array = manager.create(new float[] {1, 2, 3, 4, 5, 6}, new Shape(2, 3)).transpose();
      assertArrayEquals(new float[] {1, 4, 2, 5, 3, 6}, DjlArrays.toTensor(array).toFloatArray());
    }
  }

  @Test
  void scalarsAndEmptyTensorsPass() {
    try (var manager = NDManager.newBaseManager()) {
      assertEquals(2.5f, DjlArrays.toTensor(manager.create(2.5f)).toFloat());
      assertEquals(2.5f, DjlArrays.toArray(Tensor.scalar(2.5), manager).getFloat());
      var empty = DjlArrays.toArray(Tensor.of(new float[0], 0, 3), manager);
      assertEquals(new Shape(0, 3), empty.getShape());
      assertEquals(TensorType.of(DType.F32, 0, 3), DjlArrays.toTensor(empty).type());
    }
  }

  @Test
  void aTensorLivesOnWhenTheArrayIsClosed() {
    Tensor tensor;
    try (var manager = NDManager.newBaseManager()) {
      tensor = DjlArrays.toTensor(manager.create(new float[] {1, 2}));
    }
    assertArrayEquals(new float[] {2, 3}, tensor.add(1).toFloatArray());
  }

  @Test
  void anArrayInPyTorchsMemoryIsSharedWithItsTensor() {
    try (var manager = NDManager.newBaseManager("PyTorch")) {
      var shared =
          Devices.use(
              "pytorch:0",
              () -> {
                var tensor = Tensors.range(DType.F32, 1000).reshape(10, 100).evaluate();
                var array = DjlArrays.toSharedArray(tensor, manager);
                long there = MemorySegment.ofBuffer(array.toByteBuffer(true)).address();
                long here = tensor.withBuffer(buffer -> buffer.host().orElseThrow().address());
                assertEquals(here, there);
                return array;
              });
      System.gc(); // The tensor goes, its memory stays.
      assertEquals(new Shape(10, 100), shared.getShape());
      assertEquals(999, shared.getFloat(9, 99));
      assertEquals(2000, shared.add(shared).add(2).getFloat(9, 99));
    }
  }

  /** A step that updates a parameter in place would change the array. */
  @Test
  void aParameterThatIsSharedIsCopiedBeforeItIsUpdated() {
    try (var manager = NDManager.newBaseManager("PyTorch")) {
      Devices.use(
          "pytorch:0",
          () -> {
            var weight = Parameter.of(Tensors.ones(DType.F32, 1000));
            var step =
                CompiledFunction.of(
                    x -> {
                      weight.assign(weight.value().add(x.getFirst()));
                      return List.of();
                    });
            var one = Tensor.scalar(1);
            for (int i = 0; i < 3; i++) step.call(one);
            var array = DjlArrays.toSharedArray(weight.value(), manager);
            for (int i = 0; i < 3; i++) step.call(one);
            assertEquals(4, array.getFloat(0));
            assertEquals(7, weight.value().toFloatArray()[0]);
            return array;
          });
    }
  }

  @Test
  void whatCannotBeSharedIsCopied() {
    try (var manager = NDManager.newBaseManager("PyTorch")) {
      var elsewhere = DjlArrays.toSharedArray(Tensors.range(DType.F32, 1000), manager);
      assertEquals(999, elsewhere.getFloat(999));
      var small =
          Devices.use(
              "pytorch:0", () -> DjlArrays.toSharedArray(Tensor.of(new float[] {1, 2}), manager));
      assertEquals(2, small.getFloat(1));
      var unknown = Tensor.of(TensorType.of(DType.BF16, 2), MemorySegment.ofArray(new byte[4]));
      assertThrows(IllegalArgumentException.class, () -> DjlArrays.toSharedArray(unknown, manager));
    }
  }

  @Test
  void boolsPass() {
    try (var manager = NDManager.newBaseManager()) {
      var array = DjlArrays.toArray(Tensor.of(new boolean[] {true, false}), manager);
      assertArrayEquals(new boolean[] {true, false}, array.toBooleanArray());
      assertEquals(TensorType.of(DType.BOOL, 2), DjlArrays.toTensor(array).type());
    }
  }

  /** Given to PyTorch they would end the process. */
  @ParameterizedTest
  @EnumSource(names = {"BF16", "I16", "U16", "U32", "U64", "I4", "F8E5M2"})
  void otherDtypesAreRefusedByName(DType dtype) {
    var type = TensorType.of(dtype, 2);
    var bytes = MemorySegment.ofArray(new byte[(int) type.bytes()]);
    var tensor = Devices.use("reference:0", () -> Tensor.of(type, bytes));
    try (var manager = NDManager.newBaseManager()) {
      var refused =
          assertThrows(IllegalArgumentException.class, () -> DjlArrays.toArray(tensor, manager));
      assertTrue(refused.getMessage().contains("of " + dtype + ";"), refused.getMessage());
    }
  }
}
