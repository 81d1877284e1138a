package dev.gamelan.djl;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.training.ParameterStore;
import dev.gamelan.nn.Layer;
import dev.gamelan.tensor.Tensor;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A model of another framework as a layer, for inference: one of DJL's engines runs it. It has no
 * parameters of ours, takes values that are known (so not inside of a compiled function), and gives
 * no gradients. May be called from several threads where its engine allows that, as PyTorch does.
 * The file is code: run those that you trust.
 */
public final class ForeignModel extends Layer implements AutoCloseable {
  private final Model model;

  private ForeignModel(Model model) {
    this.model = model;
  }

  /**
   * Reads a TorchScript file.
   *
   * @throws IOException if there is none, or PyTorch can't read it
   * @throws IllegalStateException if DJL's PyTorch engine is not on the class path
   */
  public static ForeignModel torchScript(Path file) throws IOException {
    return load(file, "PyTorch", "ai.djl.pytorch:pytorch-engine");
  }

  private static ForeignModel load(Path file, String engine, String artifact) throws IOException {
    if (!Files.isRegularFile(file)) throw new FileNotFoundException(file.toString());
    Offline.byDefault();
    if (!Engine.hasEngine(engine)) {
      throw new IllegalStateException(
          "DJL's engine %s is not on the class path; add %s".formatted(engine, artifact));
    }
    var model = Model.newInstance(file.getFileName().toString(), engine);
    try (var in = Files.newInputStream(file)) {
      model.load(in);
      return new ForeignModel(model);
    } catch (MalformedModelException | RuntimeException e) {
      model.close();
      throw new IOException("%s: %s".formatted(file, firstLine(e)), e);
    }
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("unreadable");
  }

  /**
   * The model's results for {@code inputs}, in the order in which its function takes them.
   *
   * @throws IllegalArgumentException if the model does not take them, in its engine's words
   */
  public List<Tensor> call(Tensor... inputs) {
    try (var manager = model.getNDManager().newSubManager()) {
      var arrays = DjlArrays.toArrays(List.of(inputs), manager);
      var results = model.getBlock().forward(new ParameterStore(manager, false), arrays, false);
      return DjlArrays.toTensors(results);
    } catch (ai.djl.engine.EngineException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** Frees the model; it can't be called any more. */
  @Override
  public void close() {
    model.close();
  }
}
