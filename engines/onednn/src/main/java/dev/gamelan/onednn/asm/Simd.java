package dev.gamelan.onednn.asm;

/**
 * The vector instructions that the emitters use, with what distinguishes their encodings: mandatory
 * prefix, opcode map, W and opcode [1]. Where VEX ignores W the one of EVEX stands here.
 *
 * <p>[1] Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2.
 */
public enum Simd {
  VMOVUPS(0, 1, 0, 0x10),
  VMOVUPS_STORE(0, 1, 0, 0x11),
  /** Past the caches; aligned. */
  VMOVNTPS_STORE(0, 1, 0, 0x2B),
  VMOVD_STORE(1, 1, 0, 0x7E),
  /** VEX only. */
  VMOVQ_STORE(1, 1, 0, 0xD6),
  VMOVSS_STORE(2, 1, 0, 0x11),
  VBROADCASTSS(1, 2, 0, 0x18),
  VPBROADCASTW(1, 2, 0, 0x79),
  VPBROADCASTB(1, 2, 0, 0x78),
  VADDPS(0, 1, 0, 0x58),
  VSUBPS(0, 1, 0, 0x5C),
  VMULPS(0, 1, 0, 0x59),
  VDIVPS(0, 1, 0, 0x5E),
  VMAXPS(0, 1, 0, 0x5F),
  VMINPS(0, 1, 0, 0x5D),
  VSQRTPS(0, 1, 0, 0x51),
  VFMADD231PS(1, 2, 0, 0xB8),
  VFNMADD231PS(1, 2, 0, 0xBC),
  /** VRNDSCALEPS under EVEX, whose immediate means the same. */
  VROUNDPS(1, 3, 0, 0x08),
  VSCALEFPS(1, 2, 0, 0x2C),
  VCMPPS(0, 1, 0, 0xC2),
  VCVTPS2DQ(1, 1, 0, 0x5B),
  VCVTTPS2DQ(2, 1, 0, 0x5B),
  VCVTDQ2PS(0, 1, 0, 0x5B),
  VCVTPH2PS(1, 2, 0, 0x13),
  VCVTPS2PH(1, 3, 0, 0x1D),
  VPANDD(1, 1, 0, 0xDB),
  VPORD(1, 1, 0, 0xEB),
  VPXORD(1, 1, 0, 0xEF),
  VPADDD(1, 1, 0, 0xFE),
  VPSUBD(1, 1, 0, 0xFA),
  VPMULLD(1, 2, 0, 0x40),
  VPTERNLOGD(1, 3, 0, 0x25),
  VPMADDWD(1, 1, 0, 0xF5),
  VPMADDUBSW(1, 2, 0, 0x04),
  VPDPBUSD(1, 2, 0, 0x50),
  VPMAXSD(1, 2, 0, 0x3D),
  VPMINSD(1, 2, 0, 0x39),
  VPMAXUD(1, 2, 0, 0x3F),
  VPMINUD(1, 2, 0, 0x3B),
  VPSLLVD(1, 2, 0, 0x47),
  VPSRLVD(1, 2, 0, 0x45),
  VPSRAVD(1, 2, 0, 0x46),
  VPSHIFTD_IMMEDIATE(1, 1, 0, 0x72),
  VPCMPEQD(1, 1, 0, 0x76),
  VPCMPGTD(1, 1, 0, 0x66),
  VPCMPD(1, 3, 0, 0x1F),
  VBLENDMPS(1, 2, 0, 0x65),
  VBLENDVPS(1, 3, 0, 0x4A),
  VMASKMOVPS(1, 2, 0, 0x2C),
  VMASKMOVPS_STORE(1, 2, 0, 0x2E),
  VUNPCKLPS(0, 1, 0, 0x14),
  VUNPCKHPS(0, 1, 0, 0x15),
  VSHUFPS(0, 1, 0, 0xC6),
  VPERMILPS(1, 3, 0, 0x04),
  VPERMD(1, 2, 0, 0x36),
  VPERMQ(1, 3, 1, 0x00),
  VPERM2F128(1, 3, 0, 0x06),
  VSHUFF32X4(1, 3, 0, 0x23),
  VPSHUFB(1, 2, 0, 0x00),
  VPMOVSXBD(1, 2, 0, 0x21),
  VPMOVSXWD(1, 2, 0, 0x23),
  VPMOVZXBD(1, 2, 0, 0x31),
  VPMOVZXWD(1, 2, 0, 0x33),
  VPMOVDB(2, 2, 0, 0x31),
  VPMOVDW(2, 2, 0, 0x33);

  /** Mandatory prefix: 0 none, 1 66, 2 F3, 3 F2. */
  final int prefix;

  final int map;
  final int w;
  final int opcode;

  Simd(int prefix, int map, int w, int opcode) {
    this.prefix = prefix;
    this.map = map;
    this.w = w;
    this.opcode = opcode;
  }
}
