package dev.gamelan.benchmarks;

import dev.gamelan.onednn.code.Cpu;
import java.util.Locale;

/**
 * What the programs ran on, and its roof as measured in the same run.
 *
 * @param flops multiply-adds, doubled, a second in f32
 * @param bandwidth bytes a second
 */
record Machine(Cpu cpu, int threads, double flops, double bandwidth) {
  static Machine measure(int threads) {
    var cpu = Cpu.detect();
    var roofline = new Roofline(cpu.isa());
    return new Machine(cpu, threads, roofline.flops(threads), roofline.bandwidth(threads));
  }

  /** The share of the roof that a call of so many nanoseconds reaches. */
  String share(Program program, double nanos) {
    if (program.flops() > 0) return percent(program.flops() / flops * 1e9 / nanos);
    if (program.bytes() > 0) return percent(program.bytes() / bandwidth * 1e9 / nanos);
    return "";
  }

  private static String percent(double share) {
    return String.format(Locale.ROOT, "%.0f %%", 100 * share);
  }

  String text() {
    return String.format(
        Locale.ROOT,
        "%s, %d threads, %s. The roof, measured in this run by machine code of our own: %.0f GF/s of f32 multiply-adds, %.1f GB/s of memory (the better of two streams read and one written past the caches, and of one updated in place; what has more streams at once, or fits the caches, can exceed it).%n%n",
        cpu,
        threads,
        "Java " + Runtime.version(),
        flops / 1e9,
        bandwidth / 1e9);
  }
}
