package dev.gamelan.tensorflow;

import dev.gamelan.type.DType;
import java.util.Optional;
import java.util.stream.Stream;

/** TensorFlow's numbers for dtypes (tensorflow/core/framework/types.proto). */
final class DataTypes {
  private DataTypes() {}

  /** Of a dtype that is computed with; storage dtypes are bytes. */
  static int number(DType dtype) {
    return switch (dtype) {
      case F32 -> 1;
      case F64 -> 2;
      case I32 -> 3;
      case U8 -> 4;
      case I16 -> 5;
      case I8 -> 6;
      case I64 -> 9;
      case BOOL -> 10;
      case BF16 -> 14;
      case U16 -> 17;
      case F16 -> 19;
      case U32 -> 22;
      case U64 -> 23;
      case F8E4M3FN, F8E5M2, F8E4M3FNUZ, F8E5M2FNUZ, F8E8M0, F4E2M1, I4, U4, I2, U2 -> 4;
    };
  }

  /** The dtype that is computed with of a number, if we have it. */
  static Optional<DType> of(long number) {
    return Stream.of(DType.values())
        .filter(dtype -> !dtype.isStorage() && number(dtype) == number)
        .findFirst();
  }
}
