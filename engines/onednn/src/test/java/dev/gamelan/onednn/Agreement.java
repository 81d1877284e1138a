package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Graph;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** Of the engine with the reference, on graphs that the conformance suite does not have. */
final class Agreement {
  private Agreement() {}

  /** Runs the graph on random numbers, and compares its first output with the reference's. */
  static void check(String text) {
    check(Graph.parse(text));
  }

  static void check(Graph graph) {
    check(graph, CompileOptions.DEFAULT);
  }

  static void check(Graph graph, CompileOptions options) {
    var random = new SplittableRandom(7);
    var inputs = graph.inputTypes().stream().map(type -> fill(type, random)).toList();
    var want = run("reference", graph, inputs, options);
    var got = run(OneDnnEngine.NAME, graph, inputs, options);
    double scale = 1;
    for (double v : want) if (Double.isFinite(v)) scale = Math.max(scale, Math.abs(v));
    assertEquals(want.length, got.length);
    for (int i = 0; i < want.length; i++) {
      assertTrue(
          want[i] == got[i] || Math.abs(want[i] - got[i]) <= tolerance(graph) * scale,
          "element %d: %s, not %s".formatted(i, got[i], want[i]));
    }
  }

  private static double tolerance(Graph graph) {
    return graph.outputTypes().getFirst().dtype() == DType.BF16 ? 0x1p-8 : 16 * Math.ulp(1f);
  }

  private static byte[] fill(TensorType type, SplittableRandom random) {
    var bytes = new byte[(int) type.bytes()];
    var memory = MemorySegment.ofArray(bytes);
    for (int i = 0; i < type.size(); i++) {
      float number = (float) (random.nextDouble() - 0.5);
      switch (type.dtype()) {
        case F32 -> memory.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, number);
        case BF16 ->
            memory.set(
                ValueLayout.JAVA_SHORT_UNALIGNED,
                2L * i,
                (short) (Float.floatToRawIntBits(number) >> 16));
        case BOOL -> bytes[i] = (byte) random.nextInt(2);
        case I32 -> memory.set(ValueLayout.JAVA_INT_UNALIGNED, 4L * i, random.nextInt(1, 500));
        case U8 -> bytes[i] = (byte) random.nextInt(50);
        case I8 -> bytes[i] = (byte) random.nextInt(-128, 128);
        case I4, U4 -> {
          if (i % 2 == 0) bytes[i / 2] = (byte) random.nextInt(-128, 128);
        }
        default -> memory.set(ValueLayout.JAVA_LONG_UNALIGNED, 8L * i, i);
      }
    }
    return bytes;
  }

  /** The first output, as numbers. */
  private static double[] run(
      String engine, Graph graph, List<byte[]> inputs, CompileOptions options) {
    var device = new Device(engine, 0);
    var buffers = new ArrayList<Buffer>();
    for (int i = 0; i < inputs.size(); i++) {
      var buffer = Engines.get(engine).allocate(graph.inputTypes().get(i), device);
      buffer.write(MemorySegment.ofArray(inputs.get(i)));
      buffers.add(buffer);
    }
    try (var executable = Engines.compile(graph, device, options)) {
      var result = executable.run(buffers).getFirst();
      var bytes = new byte[(int) result.type().bytes()];
      result.read(MemorySegment.ofArray(bytes));
      result.close();
      buffers.forEach(Buffer::close);
      return numbers(result.type().dtype(), MemorySegment.ofArray(bytes));
    }
  }

  private static double[] numbers(DType dtype, MemorySegment bytes) {
    int size = (int) (bytes.byteSize() * 8 / dtype.bits());
    var numbers = new double[size];
    for (int i = 0; i < size; i++) {
      numbers[i] =
          switch (dtype) {
            case F32 -> bytes.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i);
            case BF16 ->
                Float.intBitsToFloat(bytes.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i) << 16);
            case I8 -> bytes.get(ValueLayout.JAVA_BYTE, i);
            case I32 -> bytes.get(ValueLayout.JAVA_INT_UNALIGNED, 4L * i);
            default -> (double) bytes.get(ValueLayout.JAVA_LONG_UNALIGNED, 8L * i);
          };
    }
    return numbers;
  }
}
