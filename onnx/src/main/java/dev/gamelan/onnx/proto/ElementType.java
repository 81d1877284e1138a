package dev.gamelan.onnx.proto;

import dev.gamelan.type.DType;
import java.util.List;
import java.util.Optional;

/** The standard's numbers for dtypes. */
public final class ElementType {
  public static final int STRING = 8;

  private record Entry(int number, String name, Optional<DType> dtype) {}

  private static final List<Entry> ENTRIES =
      List.of(
          entry(1, DType.F32),
          entry(2, DType.U8),
          entry(3, DType.I8),
          entry(4, DType.U16),
          entry(5, DType.I16),
          entry(6, DType.I32),
          entry(7, DType.I64),
          new Entry(STRING, "string", Optional.empty()),
          entry(9, DType.BOOL),
          entry(10, DType.F16),
          entry(11, DType.F64),
          entry(12, DType.U32),
          entry(13, DType.U64),
          new Entry(14, "complex64", Optional.empty()),
          new Entry(15, "complex128", Optional.empty()),
          entry(16, DType.BF16),
          entry(17, DType.F8E4M3FN),
          entry(18, DType.F8E4M3FNUZ),
          entry(19, DType.F8E5M2),
          entry(20, DType.F8E5M2FNUZ),
          entry(21, DType.U4),
          entry(22, DType.I4),
          entry(23, DType.F4E2M1),
          entry(24, DType.F8E8M0),
          entry(25, DType.U2),
          entry(26, DType.I2),
          new Entry(27, "f6e2m3", Optional.empty()),
          new Entry(28, "f6e3m2", Optional.empty()));

  private ElementType() {}

  private static Entry entry(int number, DType dtype) {
    return new Entry(number, dtype.toString(), Optional.of(dtype));
  }

  /** Empty for what is no number or boolean, or of a dtype that the library has not. */
  public static Optional<DType> dtype(int number) {
    return find(number).flatMap(Entry::dtype);
  }

  public static int of(DType dtype) {
    return ENTRIES.stream()
        .filter(entry -> entry.dtype().equals(Optional.of(dtype)))
        .findFirst()
        .orElseThrow()
        .number();
  }

  /** As types print. */
  public static String name(int number) {
    return find(number).map(Entry::name).orElse(number == 0 ? "?" : "type " + number);
  }

  private static Optional<Entry> find(int number) {
    return ENTRIES.stream().filter(entry -> entry.number() == number).findFirst();
  }
}
