package dev.gamelan.onednn.kernel;

import dev.gamelan.onednn.asm.Assembler;
import dev.gamelan.onednn.asm.Label;
import dev.gamelan.onednn.asm.Memory;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The constants behind a kernel's code, each once: one element where instructions can repeat it,
 * else a vector of it.
 */
final class ConstantPool {
  private final int vectorBytes;
  private final boolean broadcasts;
  private final Label start = new Label();
  private final Map<Integer, Integer> indices = new LinkedHashMap<>();

  ConstantPool(int vectorBytes, boolean broadcasts) {
    this.vectorBytes = vectorBytes;
    this.broadcasts = broadcasts;
  }

  /** One element. */
  Memory element(int bits) {
    int index = indices.computeIfAbsent(bits, k -> indices.size());
    return Memory.at(start, index * (broadcasts ? 4 : vectorBytes));
  }

  /** The operand of an instruction that reads the constant in every lane. */
  Memory vector(int bits) {
    var element = element(bits);
    return broadcasts ? element.broadcasting() : element;
  }

  void emit(Assembler asm) {
    asm.align(64);
    asm.bind(start);
    for (int bits : indices.keySet()) {
      for (int i = 0; i < (broadcasts ? 1 : vectorBytes / 4); i++) asm.data(bits);
    }
  }
}
