package dev.gamelan.tensorflow;

import dev.gamelan.engine.EngineException;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.exchange.LoadedModel;
import dev.gamelan.exchange.TensorInfo;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A folder that TensorFlow wrote, run by TensorFlow, on the CPU. Inputs and outputs are in the
 * order of their names. Such a folder is code: load those that you trust.
 */
public final class SavedModel implements LoadedModel {
  /** What TensorFlow and Keras call a model's function if they are told no name. */
  public static final String DEFAULT_SIGNATURE = "serving_default";

  static final String FILE = "saved_model.pb";
  static final String TAG = "serve";

  private final Session session;
  private final Signature signature;

  private SavedModel(Session session, Signature signature) {
    this.session = session;
    this.signature = signature;
  }

  /**
   * Loads one of the functions of a model that was written to be served.
   *
   * @throws IOException if there is no such folder, TensorFlow can't load it, or the function takes
   *     or gives what we have no dtype for, such as strings
   */
  public static SavedModel load(Path folder, String signature) throws IOException {
    var file = folder.resolve(FILE);
    if (!Files.isRegularFile(file)) throw new FileNotFoundException(file.toString());
    try {
      var config = Configuration.ofSystem().session();
      var loaded = TensorFlowBindings.loadSession(folder.toString(), TAG, config);
      return of(loaded, signature);
    } catch (EngineException | IOException e) {
      throw new IOException("%s: %s".formatted(folder, e.getMessage()), e);
    }
  }

  private static SavedModel of(TensorFlowBindings.LoadedSession loaded, String name)
      throws IOException {
    Signature signature;
    try {
      signature = Signature.of(loaded.metaGraph(), name);
    } catch (IOException e) {
      TensorFlowBindings.deleteSession(loaded.session().session());
      TensorFlowBindings.deleteGraph(loaded.session().graph());
      throw e;
    }
    var session =
        new Session(
            "the model",
            loaded.session(),
            tensors(signature.inputs()),
            tensors(signature.outputs()));
    try {
      checkDtypes(session, signature.inputs(), true);
      checkDtypes(session, signature.outputs(), false);
    } catch (IOException e) {
      session.close();
      throw e;
    }
    return new SavedModel(session, signature);
  }

  private static List<String> tensors(List<Signature.Endpoint> endpoints) {
    return endpoints.stream().map(Signature.Endpoint::tensor).toList();
  }

  /** TensorFlow runs with a tensor of another dtype than the graph's, and reads past its end. */
  private static void checkDtypes(
      Session session, List<Signature.Endpoint> endpoints, boolean input) throws IOException {
    for (int i = 0; i < endpoints.size(); i++) {
      var info = endpoints.get(i).info();
      int dtype = session.dtype(input, i);
      if (info.dtype() == null || dtype != DataTypes.number(info.dtype())) {
        throw new IOException("'%s' is of dtype %d in the graph".formatted(info, dtype));
      }
    }
  }

  @Override
  public List<TensorInfo> inputs() {
    return signature.inputs().stream().map(Signature.Endpoint::info).toList();
  }

  @Override
  public List<TensorInfo> outputs() {
    return signature.outputs().stream().map(Signature.Endpoint::info).toList();
  }

  @Override
  public List<HostTensor> run(List<HostTensor> inputs) {
    check(inputs);
    var fed = new ArrayList<MemorySegment>();
    var fetched = new MemorySegment[0];
    try {
      for (var input : inputs) fed.add(tensor(input));
      fetched = session.run(fed, "");
      var results = new ArrayList<HostTensor>();
      for (var tensor : fetched) results.add(read(tensor));
      return results;
    } finally {
      fed.forEach(TensorFlowBindings::deleteTensor);
      for (var tensor : fetched) TensorFlowBindings.deleteTensor(tensor);
    }
  }

  private void check(List<HostTensor> inputs) {
    var expected = signature.inputs();
    if (inputs.size() != expected.size()) {
      throw new EngineException(
          "TensorFlow: the model takes %s; got %d tensors".formatted(inputs(), inputs.size()));
    }
    for (int i = 0; i < inputs.size(); i++) {
      if (!expected.get(i).info().allows(inputs.get(i).type())) {
        throw new EngineException(
            "TensorFlow: the model takes %s; got %s"
                .formatted(expected.get(i).info(), inputs.get(i).type()));
      }
    }
  }

  private static MemorySegment tensor(HostTensor input) {
    var type = input.type();
    var tensor =
        TensorFlowBindings.allocate(
            DataTypes.number(type.dtype()), type.shape().dims(), type.bytes());
    TensorFlowBindings.memory(tensor).copyFrom(input.bytes());
    return tensor;
  }

  private static HostTensor read(MemorySegment tensor) {
    var dtype =
        DataTypes.of(TensorFlowBindings.tensorDtype(tensor))
            .orElseThrow(() -> new EngineException("TensorFlow gave a tensor of a dtype we lack"));
    var type = new TensorType(dtype, Shape.of(TensorFlowBindings.dims(tensor)));
    var result = HostTensor.allocate(type);
    result.bytes().copyFrom(TensorFlowBindings.memory(tensor));
    return result;
  }

  @Override
  public void close() {
    session.close();
  }
}
