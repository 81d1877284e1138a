package dev.gamelan.onednn;

import dev.gamelan.engine.EngineException;
import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.kernel.CompiledKernel;
import dev.gamelan.onednn.kernel.Kernel;
import java.util.LinkedHashMap;
import java.util.Map;

/** The kernels of a device: compiled once, shared by all executables, the least used forgotten. */
final class Kernels {
  private static final int CAPACITY = 2048;

  private final Cpu cpu;
  private final int threads;
  private final Map<Kernel, CompiledKernel> compiled =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Kernel, CompiledKernel> eldest) {
          return size() > CAPACITY;
        }
      };

  Kernels(Cpu cpu, int threads) {
    this.cpu = cpu;
    this.threads = threads;
  }

  Isa isa() {
    return cpu.isa();
  }

  int threads() {
    return threads;
  }

  synchronized CompiledKernel compiled(Kernel kernel) {
    return compiled.computeIfAbsent(
        kernel,
        k ->
            CompiledKernel.of(k, cpu.isa())
                .orElseThrow(() -> new EngineException("the system gives no executable memory")));
  }
}
