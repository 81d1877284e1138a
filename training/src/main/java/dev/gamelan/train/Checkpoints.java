package dev.gamelan.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.io.SafeTensors;
import dev.gamelan.nn.Layer;
import dev.gamelan.tensor.Tensor;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Pattern;

/**
 * A folder of checkpoints, one safetensors file each, which is there whole or not at all. The last
 * ones are kept, and the best by a metric. A file that can't be read is passed over for the one
 * before it.
 */
public final class Checkpoints {
  private static final System.Logger LOG = System.getLogger(Checkpoints.class.getName());
  private static final JsonMapper JSON = JsonMapper.builder().build();
  private static final Pattern NAME = Pattern.compile("step-(\\d{9,18})\\.safetensors");
  private static final String STATE = "gamelan.training";
  private static final String MODEL = "model.";
  private static final String AVERAGE = "average.";

  /** What is in a file: all tensors by their full names, and the rest. */
  record Loaded(Path file, Map<String, Tensor> tensors, TrainingState state) {}

  private final Path folder;
  private final long everySteps;
  private final int keepLast;
  private final int keepBest;
  private final String metric;
  private final Goal goal;

  private Checkpoints(
      Path folder, long everySteps, int keepLast, int keepBest, String metric, Goal goal) {
    this.folder = folder;
    this.everySteps = everySteps;
    this.keepLast = keepLast;
    this.keepBest = keepBest;
    this.metric = metric;
    this.goal = goal;
    if (everySteps < 0 || keepLast < 1 || keepBest < 0) {
      throw new IllegalArgumentException(
          "checkpoints: needs positive steps and at least the last one kept; got every %d steps, the last %d, the best %d"
              .formatted(everySteps, keepLast, keepBest));
    }
  }

  /** After each epoch and at the end; the last 2 are kept. */
  public static Checkpoints in(Path folder) {
    return new Checkpoints(folder, 0, 2, 0, Validation.LOSS, Goal.SMALLEST);
  }

  /** Also after so many steps each time. */
  public Checkpoints everySteps(long steps) {
    return new Checkpoints(folder, steps, keepLast, keepBest, metric, goal);
  }

  public Checkpoints keepLast(int count) {
    return new Checkpoints(folder, everySteps, count, keepBest, metric, goal);
  }

  /** Also keeps those with the smallest validation loss, of the weights that were measured. */
  public Checkpoints keepBest(int count) {
    return keepBest(count, Validation.LOSS, Goal.SMALLEST);
  }

  /**
   * Also keeps those with the best values of a metric.
   *
   * @param name with {@link Validation#PREFIX}
   */
  public Checkpoints keepBest(int count, String name, Goal direction) {
    return new Checkpoints(folder, everySteps, keepLast, count, name, direction);
  }

  boolean needsMetric() {
    return keepBest > 0;
  }

  void requireMetric(Map<String, Double> metrics) {
    if (needsMetric() && !metrics.containsKey(metric)) {
      throw new IllegalArgumentException(
          "checkpoints: the best by '%s' are to be kept, which the validation does not give; it gives %s"
              .formatted(metric, metrics.keySet()));
    }
  }

  /** 0 for none but those of epochs. */
  long everySteps() {
    return everySteps;
  }

  /** The newest file; empty if there is none. */
  public Optional<Path> latest() throws IOException {
    return newestFirst().stream().findFirst();
  }

  /** The file with the best value of the metric; empty if none has it. */
  public Optional<Path> best() throws IOException {
    return bestFirst(newestFirst()).stream().findFirst();
  }

  /**
   * Gives a model the weights of a checkpoint.
   *
   * @throws IllegalArgumentException if it is of another model, naming what differs
   */
  public static void loadModel(Path file, Layer model) throws IOException {
    load(file, MODEL, model);
  }

  /** Gives a model the averaged weights of a checkpoint, with its other state. */
  public static void loadAverage(Path file, Layer model) throws IOException {
    load(file, AVERAGE, model);
  }

  private static void load(Path file, String prefix, Layer model) throws IOException {
    var tensors = SafeTensors.read(file);
    var values = under(MODEL, tensors);
    var wanted = under(prefix, tensors);
    if (wanted.isEmpty()) {
      throw new IllegalArgumentException(
          "%s has nothing that begins with '%s'".formatted(file, prefix));
    }
    values.putAll(wanted);
    model.load(values);
  }

  private static Map<String, Tensor> under(String prefix, Map<String, Tensor> tensors) {
    var found = new LinkedHashMap<String, Tensor>();
    tensors.forEach(
        (name, tensor) -> {
          if (name.startsWith(prefix)) found.put(name.substring(prefix.length()), tensor);
        });
    return found;
  }

  /**
   * Makes the folder, deletes what killed processes left in it, and keeps others from training in
   * it until the lock is closed; the system closes it if this process dies.
   */
  Lock lock() throws IOException {
    AtomicFiles.createFolder(folder);
    var channel =
        FileChannel.open(
            folder.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    try {
      if (channel.tryLock() == null) throw new OverlappingFileLockException();
      AtomicFiles.deleteLeftovers(folder);
      return channel::close;
    } catch (OverlappingFileLockException e) {
      channel.close();
      throw new IOException("another training is writing to " + folder, e);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /** Of a folder, for one training at a time. */
  @FunctionalInterface
  interface Lock extends Closeable {}

  void save(Map<String, Tensor> tensors, TrainingState state) throws IOException {
    var file = folder.resolve("step-%09d.safetensors".formatted(state.step()));
    SafeTensors.write(file, tensors, Map.of(STATE, JSON.writeValueAsString(state)));
    prune();
  }

  private void prune() throws IOException {
    var files = newestFirst();
    var kept = new HashSet<>(files.subList(0, Math.min(keepLast, files.size())));
    if (keepBest > 0) {
      var best = bestFirst(files);
      kept.addAll(best.subList(0, Math.min(keepBest, best.size())));
    }
    for (var file : files) if (!kept.contains(file)) Files.deleteIfExists(file);
  }

  private List<Path> newestFirst() throws IOException {
    if (!Files.isDirectory(folder)) return List.of();
    try (var files = Files.list(folder)) {
      return files
          .filter(file -> NAME.matcher(file.getFileName().toString()).matches())
          .sorted(Comparator.comparingLong(Checkpoints::step).reversed())
          .toList();
    }
  }

  private static long step(Path file) {
    var name = NAME.matcher(file.getFileName().toString());
    return name.matches() ? Long.parseLong(name.group(1)) : -1;
  }

  private List<Path> bestFirst(List<Path> files) {
    record Measured(Path file, double value) {}
    var measured = new ArrayList<Measured>();
    for (var file : files) {
      metric(file).ifPresent(value -> measured.add(new Measured(file, value)));
    }
    var byValue = Comparator.comparingDouble(Measured::value);
    measured.sort(goal == Goal.SMALLEST ? byValue : byValue.reversed());
    return measured.stream().map(Measured::file).toList();
  }

  private OptionalDouble metric(Path file) {
    try {
      var state = state(file, SafeTensors.readMetadata(file));
      var value = state.metrics().get(metric);
      // The last validation may have been of earlier weights.
      boolean measured = state.measured() == state.step();
      return !measured || value == null || value.isNaN()
          ? OptionalDouble.empty()
          : OptionalDouble.of(value);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "passed over: {0}", e.getMessage());
      return OptionalDouble.empty();
    }
  }

  /** The newest that can be read. */
  Optional<Loaded> load() throws IOException {
    for (var file : newestFirst()) {
      try (var mapped = SafeTensors.open(file)) {
        var state = state(file, mapped.metadata());
        var tensors = new LinkedHashMap<String, Tensor>();
        mapped.arrays().forEach((name, array) -> tensors.put(name, array.toTensor()));
        return Optional.of(new Loaded(file, tensors, state));
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "passed over: {0}", e.getMessage());
      }
    }
    return Optional.empty();
  }

  private static TrainingState state(Path file, Map<String, String> metadata) throws IOException {
    var json = metadata.get(STATE);
    if (json == null) throw new IOException(file + " is no checkpoint: it has no " + STATE);
    try {
      var state = JSON.readValue(json, TrainingState.class);
      if (state == null || state.version() != TrainingState.VERSION) {
        throw new IOException("%s is no checkpoint of this version: %s".formatted(file, json));
      }
      return state;
    } catch (JsonProcessingException e) {
      throw new IOException("%s is no checkpoint: %s".formatted(file, e.getOriginalMessage()), e);
    }
  }
}
