package dev.gamelan.pytorch;

import dev.gamelan.type.DType;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Set;
import java.util.stream.Collectors;

/** PyTorch's numbers for dtypes (c10/core/ScalarType.h). */
final class ScalarTypes {
  private static final Set<DType> COMPUTED =
      Arrays.stream(DType.values())
          .filter(dtype -> !dtype.isStorage() && code(dtype) >= 0)
          .collect(Collectors.toCollection(() -> EnumSet.noneOf(DType.class)));

  private ScalarTypes() {}

  /** Those that it computes with. Of the wider unsigned ones it has but the names. */
  static Set<DType> computed() {
    return EnumSet.copyOf(COMPUTED);
  }

  /** DJL's numbers for dtypes; -1 for what it has none for, which it must never be given. */
  static int djlCode(DType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case F64 -> 1;
      case F16 -> 2;
      case U8 -> 3;
      case I32 -> 4;
      case I8 -> 5;
      case I64 -> 6;
      case BOOL -> 7;
      case BF16, I16, U16, U32, U64 -> -1;
      case F8E4M3FN, F8E5M2, F8E4M3FNUZ, F8E5M2FNUZ, F8E8M0, F4E2M1, I4, U4, I2, U2 -> 3;
    };
  }

  /** Storage dtypes are bytes; -1 for what PyTorch does not compute with. */
  static int code(DType dtype) {
    return switch (dtype) {
      case U8 -> 0;
      case I8 -> 1;
      case I16 -> 2;
      case I32 -> 3;
      case I64 -> 4;
      case F16 -> 5;
      case F32 -> 6;
      case F64 -> 7;
      case BOOL -> 11;
      case BF16 -> 15;
      case U16, U32, U64 -> -1;
      case F8E4M3FN, F8E5M2, F8E4M3FNUZ, F8E5M2FNUZ, F8E8M0, F4E2M1, I4, U4, I2, U2 -> 0;
    };
  }
}
