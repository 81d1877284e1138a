package dev.gamelan.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.type.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DataLoaderTest {
  private static final DataLoader.Options DEFAULT = DataLoader.Options.DEFAULT;

  private static Dataset numbers(int count) {
    return new ArrayDataset(new float[count], Shape.of(1), IntStream.range(0, count).toArray());
  }

  private static List<Long> labels(DataLoader loader, int epoch) {
    var labels = new ArrayList<Long>();
    for (var batch : loader.epoch(epoch)) {
      for (long label : batch.target().toLongArray()) labels.add(label);
    }
    return labels;
  }

  @Test
  void anEpochHasEveryExampleOnce() {
    var loader = new DataLoader(numbers(10), 3, DEFAULT.withShuffle(1));
    assertEquals(4, loader.batches());
    var labels = labels(loader, 0);
    assertNotEquals(IntStream.range(0, 10).mapToObj(i -> (long) i).toList(), labels);
    assertEquals(
        IntStream.range(0, 10).mapToObj(i -> (long) i).toList(), labels.stream().sorted().toList());
  }

  @Test
  void theOrderDependsOnSeedAndEpochAlone() {
    var one = new DataLoader(numbers(50), 7, DEFAULT.withShuffle(3));
    var other = new DataLoader(numbers(50), 7, DEFAULT.withShuffle(3).withPrefetch(9));
    assertEquals(labels(one, 2), labels(other, 2));
    assertNotEquals(labels(one, 2), labels(one, 3));
    var seeded = new DataLoader(numbers(50), 7, DEFAULT.withShuffle(4));
    assertNotEquals(labels(one, 2), labels(seeded, 2));
  }

  @Test
  void aLastBatchThatIsNotFullMayBeDropped() {
    var loader = new DataLoader(numbers(10), 4, DEFAULT.withDropLast(true));
    assertEquals(2, loader.batches());
    assertEquals(8, labels(loader, 0).size());
  }

  @Test
  void aBatchThatCantBeMadeSaysWhy() {
    var failing =
        new Dataset() {
          @Override
          public long size() {
            return 4;
          }

          @Override
          public Batch batch(long[] indices) {
            throw new IllegalArgumentException("record 3 is broken");
          }
        };
    var loader = new DataLoader(failing, 2, DEFAULT);
    var error = assertThrows(IllegalStateException.class, () -> loader.epoch(0).iterator().next());
    assertTrue(error.getMessage().contains("record 3 is broken"), error.getMessage());
  }

  @Test
  void labelsAndInputsMustFit() {
    assertThrows(
        IllegalArgumentException.class,
        () -> new ArrayDataset(new float[3], Shape.of(2), new int[2]));
  }
}
