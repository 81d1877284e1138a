package dev.gamelan.djl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
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
