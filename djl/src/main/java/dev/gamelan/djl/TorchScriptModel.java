package dev.gamelan.djl;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDList;
import ai.djl.training.ParameterStore;
import dev.gamelan.engine.EngineException;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.exchange.LoadedModel;
import dev.gamelan.exchange.TensorInfo;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A TorchScript file, which DJL's PyTorch engine runs. */
final class TorchScriptModel implements LoadedModel {
  private static final String ENGINE = "PyTorch";
  private static final String ARTIFACT = "ai.djl.pytorch:pytorch-engine";

  private final Model model;
  private final TorchScriptSignature signature;

  private TorchScriptModel(Model model, TorchScriptSignature signature) {
    this.model = model;
    this.signature = signature;
  }

  static TorchScriptModel load(Path file) throws IOException {
    if (!Files.isRegularFile(file)) throw new FileNotFoundException(file.toString());
    Offline.byDefault();
    if (!Engine.hasEngine(ENGINE)) {
      throw new IllegalStateException(
          "DJL's engine %s is not on the class path; add %s".formatted(ENGINE, ARTIFACT));
    }
    var model = Model.newInstance(file.getFileName().toString(), ENGINE);
    try (var in = Files.newInputStream(file)) {
      model.load(in);
      return new TorchScriptModel(model, TorchScriptSignature.read(file));
    } catch (MalformedModelException | IOException | RuntimeException e) {
      model.close();
      throw new IOException("%s: %s".formatted(file, firstLine(e)), e);
    }
  }

  private static String firstLine(Exception e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("unreadable");
  }

  @Override
  public List<TensorInfo> inputs() {
    return signature.inputs();
  }

  @Override
  public List<TensorInfo> outputs() {
    return signature.outputs();
  }

  @Override
  public List<HostTensor> run(List<HostTensor> inputs) {
    if (inputs.isEmpty()) throw new EngineException("DJL runs no PyTorch model without inputs");
    try (var manager = model.getNDManager().newSubManager()) {
      var arrays = new NDList();
      for (var input : inputs) arrays.add(DjlArrays.toArray(input, manager));
      var results = model.getBlock().forward(new ParameterStore(manager, false), arrays, false);
      var tensors = new ArrayList<HostTensor>();
      for (var result : results) tensors.add(DjlArrays.toHostTensor(result));
      return tensors;
    } catch (ai.djl.engine.EngineException e) {
      throw new EngineException("PyTorch: " + e.getMessage(), e);
    }
  }

  @Override
  public void close() {
    model.close();
  }
}
