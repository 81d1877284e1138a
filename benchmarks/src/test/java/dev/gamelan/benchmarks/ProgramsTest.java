package dev.gamelan.benchmarks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ProgramsTest {
  @TempDir private Path folder;

  /** What the command does before it counts a time; then one call of each. */
  @TestFactory
  Stream<DynamicTest> allContendersComputeTheSame() {
    return Programs.all().stream()
        .map(program -> DynamicTest.dynamicTest(program.name(), () -> compare(program)));
  }

  private void compare(Program program) throws Exception {
    var workspace = new Workspace(folder, 2);
    float[] ours = new float[0];
    for (var name : program.contenders()) {
      try (var contender = program.open(name, workspace)) {
        var result = contender.result();
        if (name.equals(program.contenders().getFirst())) ours = result;
        else assertFalse(program.agreement(name).check(name, ours, result).isEmpty());
        contender.call();
      }
    }
  }

  @Test
  void resultsThatDifferAreRefused() {
    // The difference is 0.1 of the largest element, 2.
    var error =
        assertThrows(
            IllegalStateException.class,
            () -> Agreement.F32.check("x", new float[] {1, 2}, new float[] {1.2f, 2}));
    assertTrue(error.getMessage().contains("error 1.0e-01 × scale"), error.getMessage());
  }

  @Test
  void nanIsNoAgreement() {
    assertThrows(
        IllegalStateException.class,
        () -> Agreement.INT8.check("x", new float[] {1, 2}, new float[] {Float.NaN, 2}));
  }

  @Test
  void theCommandWritesATableAndAPicture() throws Exception {
    var out = new StringWriter();
    int status =
        new CommandLine(new Bench())
            .setOut(new PrintWriter(out))
            .execute(
                "tiny-forward",
                "--rounds",
                "1",
                "--seconds",
                "0.1",
                "--warmup",
                "0",
                "--out",
                folder.toString());
    assertEquals(0, status, out.toString());
    var table = Files.readString(folder.resolve("bench.md"));
    assertTrue(table.contains("| tiny-forward | gamelan |"), table);
    assertTrue(table.contains("|  | onnxruntime |"), table);
    assertTrue(Files.size(folder.resolve("bench.png")) > 0);
  }

  @Test
  void aNameThatDoesNotExistIsToldWithThoseThatDo() {
    var error = assertThrows(IllegalArgumentException.class, () -> Programs.get("bart"));
    assertTrue(error.getMessage().contains("bert-base"), error.getMessage());
  }
}
