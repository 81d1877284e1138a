package dev.gamelan.ir;

import dev.gamelan.type.DType;
import dev.gamelan.type.Scalar;
import java.util.Locale;

/** How a reduction combines elements. {@code max} and {@code min} propagate NaN. */
public enum ReduceKind {
  SUM,
  PROD,
  MAX,
  MIN,
  AND,
  OR;

  /** The pointwise op that combines two elements. */
  public BinaryKind combine() {
    return switch (this) {
      case SUM -> BinaryKind.ADD;
      case PROD -> BinaryKind.MUL;
      case MAX -> BinaryKind.MAX;
      case MIN -> BinaryKind.MIN;
      case AND -> BinaryKind.AND;
      case OR -> BinaryKind.OR;
    };
  }

  /** What a reduction of nothing gives. */
  public Scalar identity(DType dtype) {
    return switch (this) {
      case SUM, OR -> Scalar.of(dtype, 0L);
      case PROD -> Scalar.of(dtype, 1L);
      case AND -> dtype.isBool() ? new Scalar(dtype, 1) : Scalar.of(dtype, -1L);
      case MAX -> Scalar.of(dtype, Double.NEGATIVE_INFINITY);
      case MIN -> Scalar.of(dtype, Double.POSITIVE_INFINITY);
    };
  }

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
