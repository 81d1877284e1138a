package dev.gamelan.onednn.asm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Against what the GNU assembler gives for the same instruction: {@code tools/golden_asm.sh} turns
 * the text of each case into its bytes.
 */
class AssemblerTest {
  private record Case(String text, boolean evex, Consumer<Assembler> code) {}

  private static final Memory PLAIN = Memory.at(Gpr.RBX, 0x100);
  private static final Memory FAR = Memory.at(Gpr.R13, Gpr.R9, 2, 0x12345);
  private static final Memory STACK = Memory.at(Gpr.RSP, 64);
  private static final Memory TWELFTH = Memory.at(Gpr.R12, 0);

  private static final List<Case> CASES = new ArrayList<>();

  private static void both(String text, Consumer<Assembler> code) {
    CASES.add(new Case(text, false, code));
  }

  private static void vex(String text, Consumer<Assembler> code) {
    CASES.add(new Case("{vex3} {disp32} " + text, false, code));
  }

  private static void evex(String text, Consumer<Assembler> code) {
    CASES.add(new Case("{evex} {disp32} " + text, true, code));
  }

  static {
    both("{load} mov rax, r15", a -> a.mov(Gpr.RAX, Gpr.R15));
    both("mov r10, -5", a -> a.mov(Gpr.R10, -5));
    both("mov r9, [r12]", a -> a.load(Gpr.R9, TWELFTH));
    both("{disp32} mov [rsp+64], r10", a -> a.store(STACK, Gpr.R10));
    both("movzx rdx, byte ptr [r13+r9*4+0x12345]", a -> a.loadBytes(Gpr.RDX, FAR, 1));
    both("movzx rdx, word ptr [rbx+0x100]", a -> a.loadBytes(Gpr.RDX, PLAIN, 2));
    both("mov r8d, [r13+r9*4+0x12345]", a -> a.loadBytes(Gpr.R8, FAR, 4));
    both("mov [rbx+0x100], r11w", a -> a.storeBytes(PLAIN, Gpr.R11, 2));
    both("mov [r13+r9*4+0x12345], edx", a -> a.storeBytes(FAR, Gpr.RDX, 4));
    both("lea r11, [r13+r9*4+0x12345]", a -> a.lea(Gpr.R11, FAR));
    both("prefetcht1 [r13+r9*4+0x12345]", a -> a.prefetch(FAR));
    both("prefetcht1 [rbx+0x100]", a -> a.prefetch(PLAIN));
    both("{load} add r8, r10", a -> a.add(Gpr.R8, Gpr.R10));
    both("add r9, [rbx+0x100]", a -> a.add(Gpr.R9, PLAIN));
    both("{disp32} add [rsp+64], r10", a -> a.add(STACK, Gpr.R10));
    both("add rcx, 0x12345", a -> a.add(Gpr.RCX, 0x12345));
    both("{load} sub r10, rax", a -> a.sub(Gpr.R10, Gpr.RAX));
    both("{disp32} sub qword ptr [rsp+64], 0x12345", a -> a.sub(STACK, 0x12345));
    both("and rsp, 0xffffffffffff0040", a -> a.and(Gpr.RSP, 0xffff0040));
    both("{load} cmp rax, rcx", a -> a.cmp(Gpr.RAX, Gpr.RCX));
    both("{disp32} cmp rax, [rsp+64]", a -> a.cmp(Gpr.RAX, STACK));
    both("cmp r10, 0x12345", a -> a.cmp(Gpr.R10, 0x12345));
    both("imul r10, [rbx+0x100]", a -> a.imul(Gpr.R10, PLAIN));
    both("imul r10, rdx", a -> a.imul(Gpr.R10, Gpr.RDX));
    both("neg r10", a -> a.neg(Gpr.R10));
    both("bzhi r11, r11, r10", a -> a.bzhi(Gpr.R11, Gpr.R11, Gpr.R10));
    both("push r12", a -> a.push(Gpr.R12));
    both("pop rbx", a -> a.pop(Gpr.RBX));
    both("sfence", Assembler::sfence);
    both("vzeroupper", Assembler::vzeroupper);
    both("ret", Assembler::ret);
    both("kmovd k1, r11d", a -> a.kmov(1, Gpr.R11));
    vex("vaddps ymm1, ymm2, ymm3", a -> a.op(Simd.VADDPS, Width.Y, 1, 2, 3));
    vex("vaddps ymm9, ymm10, ymm11", a -> a.op(Simd.VADDPS, Width.Y, 9, 10, 11));
    vex("vmulps ymm9, ymm10, [r13+r9*4+0x12345]", a -> a.op(Simd.VMULPS, Width.Y, 9, 10, FAR));
    vex("vfmadd231ps ymm12, ymm2, ymm13", a -> a.op(Simd.VFMADD231PS, Width.Y, 12, 2, 13));
    vex("vfnmadd231ps ymm2, ymm2, [rbx+0x100]", a -> a.op(Simd.VFNMADD231PS, Width.Y, 2, 2, PLAIN));
    vex("vroundps ymm3, ymm14, 9", a -> a.op(Simd.VROUNDPS, Width.Y, 3, 0, 14, 9));
    vex("vpsrad ymm8, ymm9, 23", a -> a.op(Simd.VPSHIFTD_IMMEDIATE, Width.Y, 4, 8, 9, 23));
    vex("vcmpps ymm1, ymm2, ymm3, 17", a -> a.op(Simd.VCMPPS, Width.Y, 1, 2, 3, 17));
    vex("vblendvps ymm1, ymm2, ymm3, ymm14", a -> a.blend(Width.Y, 1, 2, 3, 14));
    vex("vmaskmovps ymm1, ymm15, [rbx+0x100]", a -> a.op(Simd.VMASKMOVPS, Width.Y, 1, 15, PLAIN));
    vex(
        "vmaskmovps [rbx+0x100], ymm15, ymm1",
        a -> a.op(Simd.VMASKMOVPS_STORE, Width.Y, 1, 15, PLAIN));
    vex("vpshufb ymm1, ymm2, ymm3", a -> a.op(Simd.VPSHUFB, Width.Y, 1, 2, 3));
    vex("vpermq ymm1, ymm2, 8", a -> a.op(Simd.VPERMQ, Width.Y, 1, 0, 2, 8));
    vex("vpermd ymm1, ymm2, ymm3", a -> a.op(Simd.VPERMD, Width.Y, 1, 2, 3));
    vex("vperm2f128 ymm1, ymm2, ymm2, 1", a -> a.op(Simd.VPERM2F128, Width.Y, 1, 2, 2, 1));
    vex("vcvtph2ps ymm1, [rbx+0x100]", a -> a.op(Simd.VCVTPH2PS, Width.Y, 1, 0, PLAIN));
    vex("vcvtps2ph [rbx+0x100], ymm1, 0", a -> a.op(Simd.VCVTPS2PH, Width.Y, 1, 0, PLAIN, 0));
    vex("vpmovzxbd ymm1, [rbx+0x100]", a -> a.op(Simd.VPMOVZXBD, Width.Y, 1, 0, PLAIN));
    vex("vmovq [rbx+0x100], xmm1", a -> a.op(Simd.VMOVQ_STORE, Width.X, 1, 0, PLAIN));
    vex("vmovd r11d, xmm9", a -> a.op(Simd.VMOVD_STORE, Width.X, 9, 0, Gpr.R11));
    vex("vmovss [rbx+0x100], xmm9", a -> a.op(Simd.VMOVSS_STORE, Width.X, 9, 0, PLAIN));
    vex("vpbroadcastw ymm3, [rbx+0x100]", a -> a.op(Simd.VPBROADCASTW, Width.Y, 3, 0, PLAIN));
    evex("vaddps zmm1, zmm2, zmm31", a -> a.op(Simd.VADDPS, Width.Z, 1, 2, 31));
    evex("vaddps zmm17, zmm18, [r13+r9*4+0x12345]", a -> a.op(Simd.VADDPS, Width.Z, 17, 18, FAR));
    evex(
        "vmulps zmm30, zmm21, [rbx+0x100]{1to16}",
        a -> a.op(Simd.VMULPS, Width.Z, 30, 21, PLAIN.broadcasting()));
    evex("vfmadd231ps zmm20, zmm2, zmm13", a -> a.op(Simd.VFMADD231PS, Width.Z, 20, 2, 13));
    evex("vscalefps zmm4, zmm5, zmm26", a -> a.op(Simd.VSCALEFPS, Width.Z, 4, 5, 26));
    evex("vrndscaleps zmm3, zmm24, 9", a -> a.op(Simd.VROUNDPS, Width.Z, 3, 0, 24, 9));
    evex("vpslld zmm28, zmm9, 16", a -> a.op(Simd.VPSHIFTD_IMMEDIATE, Width.Z, 6, 28, 9, 16));
    evex("vcmpps k2, zmm17, zmm3, 17", a -> a.compare(Simd.VCMPPS, Width.Z, 2, 17, 3, 17, 0));
    evex("vcmpps k2{k1}, zmm1, zmm3, 7", a -> a.compare(Simd.VCMPPS, Width.Z, 2, 1, 3, 7, 1));
    evex("vpcmpd k2, zmm1, zmm19, 1", a -> a.compare(Simd.VPCMPD, Width.Z, 2, 1, 19, 1, 0));
    evex(
        "vblendmps zmm1{k2}, zmm2, zmm3",
        a -> a.masked(Simd.VBLENDMPS, Width.Z, 1, 2, 3, 2, false));
    vex("vunpcklps ymm1, ymm2, ymm13", a -> a.op(Simd.VUNPCKLPS, Width.Y, 1, 2, 13));
    vex("vunpckhps ymm1, ymm2, ymm13", a -> a.op(Simd.VUNPCKHPS, Width.Y, 1, 2, 13));
    vex("vshufps ymm1, ymm2, ymm13, 0x44", a -> a.op(Simd.VSHUFPS, Width.Y, 1, 2, 13, 0x44));
    vex("vmovntps [rbx+0x100], ymm9", a -> a.op(Simd.VMOVNTPS_STORE, Width.Y, 9, 0, PLAIN));
    evex("vmovntps [rbx+0x100], zmm9", a -> a.op(Simd.VMOVNTPS_STORE, Width.Z, 9, 0, PLAIN));
    evex(
        "vmovups zmm1{k1}{z}, [rbx+0x100]",
        a -> a.masked(Simd.VMOVUPS, Width.Z, 1, 0, PLAIN, 1, true));
    evex(
        "vmovups [rbx+0x100]{k1}, zmm25",
        a -> a.masked(Simd.VMOVUPS_STORE, Width.Z, 25, 0, PLAIN, 1, false));
    evex(
        "vpmovdb [rbx+0x100]{k1}, zmm2",
        a -> a.masked(Simd.VPMOVDB, Width.Z, 2, 0, PLAIN, 1, false));
    evex(
        "vpmovdw [rbx+0x100]{k1}, zmm2",
        a -> a.masked(Simd.VPMOVDW, Width.Z, 2, 0, PLAIN, 1, false));
    evex(
        "vcvtps2ph [rbx+0x100]{k1}, zmm2, 0",
        a -> a.masked(Simd.VCVTPS2PH, Width.Z, 2, 0, PLAIN, 0, 1));
    evex("vmaxps zmm1{k2}, zmm1, zmm22", a -> a.masked(Simd.VMAXPS, Width.Z, 1, 1, 22, 2, false));
    evex("vshuff32x4 zmm1, zmm2, zmm2, 0x4e", a -> a.op(Simd.VSHUFF32X4, Width.Z, 1, 2, 2, 0x4e));
    evex("vpermilps zmm1, zmm2, 0xb1", a -> a.op(Simd.VPERMILPS, Width.Z, 1, 0, 2, 0xb1));
    evex("vbroadcastss zmm21, [rbx+0x100]", a -> a.op(Simd.VBROADCASTSS, Width.Z, 21, 0, PLAIN));
    evex("vpmovsxwd zmm21, ymm9", a -> a.op(Simd.VPMOVSXWD, Width.Z, 21, 0, 9));
    evex(
        "vpternlogd zmm21, zmm2, zmm30, 0x6a",
        a -> a.op(Simd.VPTERNLOGD, Width.Z, 21, 2, 30, 0x6a));
    evex("vpdpbusd zmm21, zmm2, zmm30", a -> a.op(Simd.VPDPBUSD, Width.Z, 21, 2, 30));
    evex("vpmaddubsw zmm21, zmm2, zmm30", a -> a.op(Simd.VPMADDUBSW, Width.Z, 21, 2, 30));
    evex("vpmaddwd zmm21, zmm2, zmm30", a -> a.op(Simd.VPMADDWD, Width.Z, 21, 2, 30));
    evex("vmovd r11d, xmm19", a -> a.op(Simd.VMOVD_STORE, Width.X, 19, 0, Gpr.R11));
  }

  @TestFactory
  Stream<DynamicTest> instructionsAreThoseOfTheGnuAssembler() throws IOException {
    List<String> golden;
    try (var in = AssemblerTest.class.getResourceAsStream("encodings.txt")) {
      golden = new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
    assertEquals(CASES.size(), golden.size(), "run tools/golden_asm.sh after a change of cases");
    return IntStream.range(0, golden.size())
        .mapToObj(
            i ->
                DynamicTest.dynamicTest(
                    CASES.get(i).text, () -> check(golden.get(i), CASES.get(i))));
  }

  private static void check(String golden, Case c) {
    var parts = golden.split("  ", 2);
    assertEquals(c.text, parts[1], "run tools/golden_asm.sh after a change of cases");
    var assembler = new Assembler(c.evex);
    c.code.accept(assembler);
    assertEquals(parts[0], HexFormat.of().formatHex(assembler.finish()));
  }
}
