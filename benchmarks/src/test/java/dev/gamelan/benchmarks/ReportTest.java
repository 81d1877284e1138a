package dev.gamelan.benchmarks;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.onednn.code.Cpu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  @TempDir Path folder;

  private static Report.Measured measured(String contender, double nanos) {
    return new Report.Measured(contender, List.of(nanos), new StringBuilder());
  }

  /** The first program of a run may be one that nobody else has. */
  @Test
  void aProgramWithoutPeersHasATableAndNoPicture() throws IOException {
    var report = new Report(new Machine(Cpu.detect(), 2, 5e11, 1e11), 1, 1, 1);
    var ours = measured("gamelan", 16e6);
    report.add(new Report.Entry(Programs.get("gpt-step"), List.of(ours), List.of(165.0, 42.0)));
    report.write(folder);
    var table = Files.readString(folder.resolve(Report.TABLE));
    // 3.97 GFLOP in 16 ms are half of 500 GF/s.
    assertTrue(table.contains("| gpt-step | gamelan | 16.00 ms | 16.00 ms – 16.00 ms |  | 50 % |"));
    assertTrue(table.contains("went from core to core in 42 to 165 ns"), table);
    assertFalse(table.contains("![ratios]"), table);
    assertFalse(Files.exists(folder.resolve(Report.PICTURE)));

    var both = List.of(measured("gamelan", 1e3), measured("onnxruntime", 2e3));
    report.add(new Report.Entry(Programs.get("tiny-forward"), both, List.of()));
    report.write(folder);
    table = Files.readString(folder.resolve(Report.TABLE));
    assertTrue(table.contains("| onnxruntime | 2.00 µs | 2.00 µs – 2.00 µs | 0.50 |"), table);
    assertTrue(table.contains("![ratios](bench.png)"), table);
    assertTrue(Files.size(folder.resolve(Report.PICTURE)) > 0);
  }
}
