package dev.gamelan.exchange;

import java.util.List;

/** A model out of another framework's file, run by that framework's library. */
public interface LoadedModel extends AutoCloseable {
  /** In the order in which {@link #run} takes them. */
  List<TensorInfo> inputs();

  /** In the order in which {@link #run} gives them; empty where the file does not say. */
  List<TensorInfo> outputs();

  /**
   * May be called from several threads.
   *
   * @return tensors whose memory is the garbage collector's
   * @throws dev.gamelan.engine.EngineException if the model does not take the inputs, in the
   *     library's words where it is the library that does not; or if it is closed
   */
  List<HostTensor> run(List<HostTensor> inputs);

  /** Frees the model, after the runs that are under way. */
  @Override
  void close();
}
