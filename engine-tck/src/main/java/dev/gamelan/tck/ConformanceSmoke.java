package dev.gamelan.tck;

import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.reference.ReferenceKernels;
import dev.gamelan.type.DType;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** One case of each op: a quick look at whether engines compute what the reference does. */
public final class ConformanceSmoke {
  private ConformanceSmoke() {}

  /**
   * Computes a case of every row of {@link OpSpecs}, on each of the devices before the next row:
   * the first in f32, or in the first of the row's dtypes that the engine declares.
   *
   * @return how many graphs were computed
   * @throws AssertionError naming the engine, the graph and the first element that differs
   */
  public static int run(List<Device> devices) {
    int computed = 0;
    for (var spec : OpSpecs.all()) {
      for (var device : devices) {
        var first = first(spec, device);
        if (first.isEmpty()) continue;
        check(first.get(), device);
        computed++;
      }
    }
    return computed;
  }

  private static Optional<OpSpec.Case> first(OpSpec spec, Device device) {
    var declared = Engines.get(device.engine()).dtypes(device);
    return Stream.concat(Stream.of(DType.F32), spec.dtypes().stream())
        .filter(spec.dtypes()::contains)
        .filter(dtype -> dtype.isStorage() || declared.contains(dtype))
        .flatMap(dtype -> spec.cases().apply(dtype).stream())
        .filter(c -> c.isOf(declared))
        .findFirst();
  }

  private static void check(OpSpec.Case c, Device device) {
    var graph = c.graph();
    var inputs = c.arrays(new SplittableRandom(c.op().name().hashCode()));
    Comparison.check(
        "%s: %s".formatted(device.engine(), graph),
        ReferenceKernels.run(graph, inputs),
        EngineRun.run(graph, device, inputs));
  }
}
