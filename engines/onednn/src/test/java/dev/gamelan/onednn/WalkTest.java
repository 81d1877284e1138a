package dev.gamelan.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class WalkTest {
  /** Writes down which part of it ran. */
  private record Noting(String name, int parts, List<String> notes) implements Step {
    @Override
    public void run(Run run, int part) {
      notes.add(name + part);
    }

    @Override
    public List<Storage> storages() {
      return List.of();
    }

    @Override
    public String explain() {
      return name;
    }
  }

  private static Walk walk(List<Step> steps) {
    var program =
        new Program(
            steps, List.of(), List.of(), List.of(), List.of(), List.of(), List.of(), List.of(), 0,
            1, 0, 0);
    var run = new Run(program, new MemorySegment[0], new BlockPool(1 << 20));
    return new Walk(steps, run, Walk.firsts(steps));
  }

  @Test
  void oneThreadDoesThePartsOfThoseThatDoNotCome() {
    var notes = new ArrayList<String>();
    var walk = walk(List.of(new Noting("a", 3, notes), new Noting("b", 1, notes)));
    walk.accept(0);
    assertEquals(List.of("a0", "a1", "a2", "b0"), notes);
  }

  @Test
  void aThreadThatComesLateDoesNothing() {
    var notes = new ArrayList<String>();
    var walk = walk(List.of(new Noting("a", 2, notes)));
    walk.accept(0);
    notes.clear();
    walk.accept(1);
    assertEquals(List.of(), notes);
  }

  @Test
  void afterAFailureNothingElseRuns() {
    var notes = new ArrayList<String>();
    var failing =
        new Step() {
          @Override
          public int parts() {
            return 1;
          }

          @Override
          public void run(Run run, int part) {
            throw new IllegalStateException("no");
          }

          @Override
          public List<Storage> storages() {
            return List.of();
          }

          @Override
          public String explain() {
            return "";
          }
        };
    var walk = walk(List.of(failing, new Noting("a", 2, notes)));
    walk.accept(0);
    assertEquals(List.of(), notes);
    assertEquals("no", assertThrows(IllegalStateException.class, walk::check).getMessage());
  }
}
