package dev.gamelan.onednn.code;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * What the CPU says of itself (CPUID), reduced to what the operating system saves (XGETBV).
 *
 * @param extensions beyond the level, by the names of the manuals: bf16, vnni, amx-bf16, amx-int8
 */
public record Cpu(String model, Isa isa, List<String> extensions) {
  private static final Cpu UNKNOWN = new Cpu("unknown CPU", Isa.NONE, List.of());

  /** rdi: four ints to write, then leaf and subleaf. */
  private static final String CPUID =
      "53" // push rbx
          + "8b4710" // mov eax, [rdi+16]
          + "8b4f14" // mov ecx, [rdi+20]
          + "0fa2" // cpuid
          + "8907895f04894f08"
          + "89570c" // mov [rdi], eax … edx
          + "5bc3"; // pop rbx; ret

  private static final String XGETBV = "31c90f01d08907c3";

  /** This machine's; {@link Isa#NONE} where no machine code can run. */
  public static Cpu detect() {
    if (!System.getProperty("os.arch").equals("amd64")) return UNKNOWN;
    var cpuid = NativeCode.place(HexFormat.of().parseHex(CPUID));
    var xgetbv = NativeCode.place(HexFormat.of().parseHex(XGETBV));
    return cpuid.isEmpty() || xgetbv.isEmpty() ? UNKNOWN : new Probe(cpuid, xgetbv).cpu();
  }

  /** The same CPU, with nothing beyond {@code cap}. */
  public Cpu cappedTo(Isa cap) {
    return cap.compareTo(isa) >= 0 ? this : new Cpu(model, cap, List.of());
  }

  public boolean has(String extension) {
    return extensions.contains(extension);
  }

  @Override
  public String toString() {
    return model + ", " + isa + (extensions.isEmpty() ? "" : " " + String.join(" ", extensions));
  }

  private static final class Probe {
    private final NativeCode cpuid;
    private final NativeCode xgetbv;

    Probe(Optional<NativeCode> cpuid, Optional<NativeCode> xgetbv) {
      this.cpuid = cpuid.orElseThrow();
      this.xgetbv = xgetbv.orElseThrow();
    }

    Cpu cpu() {
      int[] features = registers(1, 0);
      int[] extended = registers(7, 0);
      int[] more = registers(7, 1);
      boolean saves = bit(features[2], 27);
      int saved = saves ? savedState() : 0;
      boolean avx2 =
          (saved & 0x6) == 0x6
              && bit(extended[1], 5) // AVX2
              && bit(extended[1], 8) // BMI2
              && bit(features[2], 12) // FMA
              && bit(features[2], 29); // F16C
      boolean avx512 =
          avx2
              && (saved & 0xE6) == 0xE6
              && bit(extended[1], 16) // F
              && bit(extended[1], 17) // DQ
              && bit(extended[1], 28) // CD
              && bit(extended[1], 30) // BW
              && bit(extended[1], 31); // VL
      boolean tiles = (saved & 0x60000) == 0x60000;
      var extensions = new ArrayList<String>();
      if (avx512 && bit(more[0], 5)) extensions.add("bf16");
      if (avx512 && bit(extended[2], 11)) extensions.add("vnni");
      if (tiles && bit(extended[3], 22)) extensions.add("amx-bf16");
      if (tiles && bit(extended[3], 25)) extensions.add("amx-int8");
      return new Cpu(
          model(), avx512 ? Isa.AVX512 : avx2 ? Isa.AVX2 : Isa.NONE, List.copyOf(extensions));
    }

    private String model() {
      if (Integer.compareUnsigned(registers(0x80000000, 0)[0], 0x80000004) < 0) return "x86-64";
      var name = new StringBuilder();
      for (int leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
        for (int register : registers(leaf, 0)) {
          var bytes = new byte[4];
          for (int i = 0; i < 4; i++) bytes[i] = (byte) (register >> (8 * i));
          name.append(new String(bytes, StandardCharsets.US_ASCII));
        }
      }
      return name.toString().replace("\0", "").strip().replaceAll(" +", " ");
    }

    private int savedState() {
      try (var arena = Arena.ofConfined()) {
        var out = arena.allocate(4, 4);
        xgetbv.call(out.address());
        return out.get(ValueLayout.JAVA_INT, 0);
      }
    }

    private int[] registers(int leaf, int subleaf) {
      try (var arena = Arena.ofConfined()) {
        var out = arena.allocate(24, 4);
        out.setAtIndex(ValueLayout.JAVA_INT, 4, leaf);
        out.setAtIndex(ValueLayout.JAVA_INT, 5, subleaf);
        cpuid.call(out.address());
        return out.asSlice(0, 16).toArray(ValueLayout.JAVA_INT);
      }
    }

    private static boolean bit(int register, int bit) {
      return ((register >>> bit) & 1) != 0;
    }
  }
}
