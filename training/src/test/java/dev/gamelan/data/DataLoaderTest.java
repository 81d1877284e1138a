package dev.gamelan.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.io.HostArray;
import dev.gamelan.tensor.Bucketing;
import dev.gamelan.type.Shape;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class DataLoaderTest {
  private static Dataset<Example> numbers(int count) {
    return ArrayDataset.of(new float[count], Shape.of(1), IntStream.range(0, count).toArray());
  }

  private static List<Long> labels(DataLoader<?> loader, int epoch) {
    var labels = new ArrayList<Long>();
    for (var batch : loader.epoch(epoch)) {
      for (long label : batch.target().toLongArray()) labels.add(label);
    }
    return labels;
  }

  private static List<Long> upTo(int count) {
    return LongStream.range(0, count).boxed().toList();
  }

  @Test
  void anEpochHasEveryExampleOnce() {
    var sampler = Sampler.shuffled(10, 1);
    var loader = DataLoader.of(numbers(10), Collator.stack(), BatchSampler.of(sampler, 3, false));
    assertEquals(4, loader.batches(0));
    var labels = labels(loader, 0);
    assertNotEquals(upTo(10), labels);
    assertEquals(upTo(10), labels.stream().sorted().toList());
    assertEquals(upTo(10), labels(DataLoader.of(numbers(10), 4), 0));
  }

  @Test
  void theOrderDependsOnSeedAndEpochAlone() {
    var one = DataLoader.shuffled(numbers(50), 5, 3);
    assertEquals(labels(one, 2), labels(one.withPrefetch(9), 2));
    assertNotEquals(labels(one, 2), labels(one, 3));
    assertNotEquals(labels(one, 2), labels(DataLoader.shuffled(numbers(50), 5, 4), 2));
  }

  @Test
  void aLastBatchThatIsNotFullIsLeftOutWhereShapesMatter() {
    var loader = DataLoader.shuffled(numbers(10), 4, 1);
    assertEquals(2, loader.batches(0));
    assertEquals(8, labels(loader, 0).size());
    assertEquals(3, labels(DataLoader.shuffled(numbers(3), 4, 1), 0).size());
  }

  @Test
  void anEpochGoesOnWhereItStopped() {
    var loader = DataLoader.shuffled(numbers(12), 3, 5);
    var all = labels(loader, 1);
    var rest = loader.batches(1, 2);
    assertEquals(2, rest.done());
    assertEquals(all.get(6), rest.next().target().toLongArray()[0]);
    assertEquals(3, rest.done());
  }

  private static final class Sometimes implements Dataset<Example> {
    @Override
    public long size() {
      return 8;
    }

    @Override
    public Example get(long index) {
      if (index % 4 < 2) throw new BrokenRecordException(Path.of("data.csv"), index + 2, "is torn");
      return Example.of(HostArray.scalar(1f), HostArray.scalar((int) index));
    }
  }

  @Test
  void aBrokenRecordNamesFileAndLine() {
    var loader = DataLoader.of(new Sometimes(), 3);
    var error = assertThrows(BrokenRecordException.class, () -> loader.epoch(0).iterator().next());
    assertEquals("data.csv:2: is torn", error.getMessage());
  }

  @Test
  void brokenRecordsAreLeftOutByChoiceAndCounted() {
    var loader = DataLoader.of(new Sometimes(), 2).withSkipBroken();
    assertEquals(List.of(2L, 3L, 6L, 7L), labels(loader, 0));
    assertEquals(4, loader.skipped());
    // Batches of nothing but broken ones count as done, so that a resumed epoch finds its place.
    var batches = loader.batches(0, 0);
    batches.next();
    assertEquals(2, batches.done());
  }

  @Test
  void augmentationDependsOnSeedEpochAndExampleNotOnThreads() {
    var loader =
        DataLoader.of(numbers(20), 4)
            .withAugmentation(
                (example, random) ->
                    Example.of(
                        HostArray.of(new float[] {random.nextFloat()}), example.columns().get(1)),
                7);
    var inputs = new ArrayList<float[]>();
    for (var l : List.of(loader, loader.withPrefetch(8))) {
      for (var batch : l.epoch(1)) inputs.add(batch.input().toFloatArray());
    }
    for (int i = 0; i < 5; i++) assertArrayEquals(inputs.get(i), inputs.get(i + 5));
    assertNotEquals(
        inputs.getFirst()[0], loader.epoch(2).iterator().next().input().toFloatArray()[0]);
  }

  @Test
  void samplersDrawByWeightAndSpreadClasses() {
    var order = Sampler.weighted(new double[] {0, 3, 1, 0}, 4000, 1).order(0);
    long ones = LongStream.of(order).filter(i -> i == 1).count();
    long twos = LongStream.of(order).filter(i -> i == 2).count();
    assertEquals(4000, ones + twos);
    // Binomial with n = 4000, p = 3/4: mean 3000, deviation 27.
    assertEquals(3000, ones, 110);

    var labels = new int[100];
    for (int i = 90; i < 100; i++) labels[i] = 1;
    var stratified = Sampler.stratified(labels, 1).order(0);
    assertEquals(upTo(100), LongStream.of(stratified).sorted().boxed().toList());
    // One of class 1 in each tenth, wherever it lies there: at most 2 in any 10 neighbours.
    for (int from = 0; from < 100; from += 10) {
      long found = LongStream.of(stratified).skip(from).limit(10).filter(i -> i >= 90).count();
      assertTrue(found <= 2, "%d in the tenth from %d".formatted(found, from));
    }
  }

  @Test
  void shardsHaveOneLengthAndCoverEverything() {
    var all = Sampler.shuffled(10, 1);
    var seen = new ArrayList<Long>();
    for (int rank = 0; rank < 4; rank++) {
      var shard = all.shard(rank, 4).order(3);
      assertEquals(3, shard.length);
      for (long i : shard) seen.add(i);
    }
    assertEquals(upTo(10), seen.stream().distinct().sorted().toList());
    assertThrows(IllegalArgumentException.class, () -> all.shard(4, 4));
  }

  private static Example sequence(int length) {
    var tokens = IntStream.rangeClosed(1, length).toArray();
    return Example.of(HostArray.of(tokens), HostArray.scalar(length));
  }

  @Test
  void paddingFillsToTheLongestOrToABucketAndGivesLengths() {
    var examples = Dataset.of(List.of(sequence(2), sequence(3)));
    var batch =
        DataLoader.of(examples, Collator.padded(Map.of(0, -1.0)), 2).epoch(0).iterator().next();
    assertArrayEquals(new int[] {1, 2, -1, 1, 2, 3}, batch.input().toIntArray());
    assertArrayEquals(new int[] {2, 3}, batch.column(2).toIntArray());
    var buckets = Collator.padded(Map.of(0, 0.0), Bucketing.powersOfTwo(2, 8));
    var padded = DataLoader.of(examples, buckets, 2).epoch(0).iterator().next();
    assertEquals("i32[2,4]", padded.input().type().toString());
  }

  @Test
  void batchesByLengthHaveLittlePaddingAndEveryExample() {
    var lengths = new int[40];
    for (int i = 0; i < 40; i++) lengths[i] = i * 7 % 40;
    var batches =
        BatchSampler.byLength(Sampler.shuffled(40, 1), i -> lengths[(int) i], 4, 10, 2).batches(0);
    var seen = new ArrayList<Long>();
    for (var batch : batches) {
      var ofBatch = LongStream.of(batch).mapToInt(i -> lengths[(int) i]).summaryStatistics();
      assertTrue(ofBatch.getMax() - ofBatch.getMin() <= 3, ofBatch.toString());
      for (long i : batch) seen.add(i);
    }
    assertEquals(upTo(40), seen.stream().sorted().toList());
  }

  @Test
  void datasetsMapFilterCacheAndSplit() {
    var calls = new ArrayList<Integer>();
    var squares =
        Dataset.of(List.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
            .map(
                x -> {
                  calls.add(x);
                  return x * x;
                });
    var even = squares.filter(x -> x % 2 == 0);
    assertEquals(5, even.size());
    assertEquals(16, even.get(1));
    calls.clear();
    var cached = squares.cache();
    assertEquals(9, cached.get(2));
    assertEquals(9, cached.get(2));
    assertEquals(List.of(3), calls);
    var parts = squares.split(1, 0.8, 0.2);
    assertEquals(8, parts.get(0).size());
    assertEquals(2, parts.get(1).size());
    var all = new ArrayList<Integer>();
    for (var part : parts) for (long i = 0; i < part.size(); i++) all.add(part.get(i));
    assertEquals(10, all.stream().distinct().count());
    assertThrows(IllegalArgumentException.class, () -> squares.split(1, 0.8, 0.3));
    assertThrows(IndexOutOfBoundsException.class, () -> even.get(5));
  }

  @Test
  void columnsMustFit() {
    assertThrows(
        IllegalArgumentException.class,
        () -> ArrayDataset.of(new float[3], Shape.of(2), new int[2]));
    assertThrows(
        IllegalArgumentException.class,
        () -> ArrayDataset.of(HostArray.of(new int[2]), HostArray.of(new int[3])));
    var error =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                DataLoader.of(Dataset.of(List.of(sequence(2), sequence(3))), 2)
                    .epoch(0)
                    .iterator()
                    .next());
    assertTrue(error.getMessage().contains("pad them"), error.getMessage());
  }
}
