package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.engine.Engines;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConformanceSmokeTest {
  @Test
  void anEngineOfAllDtypesComputesACaseOfEveryRow() {
    var reference = Engines.device("reference:0");
    var strict = Engines.device("strict:0");
    int rows = OpSpecs.all().size();
    assertEquals(2 * rows, ConformanceSmoke.run(List.of(reference, strict)));
  }
}
