package dev.gamelan.mxnet;

import dev.gamelan.type.DType;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/** MXNet's numbers and names for dtypes (3rdparty/mshadow/mshadow/base.h). */
final class DataTypes {
  private static final Set<DType> COMPUTED =
      EnumSet.of(
          DType.F32, DType.F64, DType.F16, DType.I8, DType.U8, DType.I32, DType.I64, DType.BOOL);

  private DataTypes() {}

  /** Those that it computes with. */
  static Set<DType> computed() {
    return EnumSet.copyOf(COMPUTED);
  }

  /** Of a dtype that an array can have; storage dtypes are bytes. */
  static int number(DType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case F64 -> 1;
      case F16 -> 2;
      case U8 -> 3;
      case I32 -> 4;
      case I8 -> 5;
      case I64 -> 6;
      case BOOL -> 7;
      default -> {
        if (dtype.isStorage()) yield 3;
        throw new IllegalStateException("refused before: " + dtype);
      }
    };
  }

  /** As an attribute says it. */
  static String name(DType dtype) {
    return switch (dtype) {
      case F32 -> "float32";
      case F64 -> "float64";
      case F16 -> "float16";
      case U8 -> "uint8";
      case I32 -> "int32";
      case I8 -> "int8";
      case I64 -> "int64";
      case BOOL -> "bool";
      default -> throw new IllegalStateException("refused before: " + dtype);
    };
  }

  /** The dtype that is computed with of a number, if we have it. */
  static Optional<DType> of(int number) {
    return COMPUTED.stream().filter(dtype -> number(dtype) == number).findFirst();
  }
}
