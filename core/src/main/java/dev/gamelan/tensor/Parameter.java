package dev.gamelan.tensor;

import dev.gamelan.engine.Device;
import dev.gamelan.type.TensorType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A value that changes: a weight, a running statistic, an optimiser's state. In a traced function
 * its value is an input, and what is assigned becomes an output that is committed after the run.
 * Elsewhere an assigned value is pending until the thread that assigned it evaluates anything, or
 * another thread reads it.
 */
public final class Parameter implements Variable {
  private final TensorType type;
  private final Device device;
  private final DeviceState state;

  // Guarded by state, the lock of everything lazy on the device.
  private @Nullable LazyValue current;
  private @Nullable Thread assigner;
  private boolean lost;

  private Parameter(TensorType type, Device device) {
    this.type = type;
    this.device = device;
    this.state = DeviceState.of(device);
  }

  /** A parameter with this value, of its type and on its device. */
  public static Parameter of(Tensor initial) {
    initial.evaluate();
    var parameter = new Parameter(initial.type(), initial.device());
    parameter.current = initial.lazy();
    parameter.shareCurrent();
    return parameter;
  }

  /** A parameter whose value comes later: using it before is an error. */
  public static Parameter uninitialized(TensorType type) {
    return new Parameter(type, Devices.current());
  }

  @Override
  public TensorType type() {
    return type;
  }

  public Device device() {
    return device;
  }

  @Override
  public Tensor value() {
    var trace = trace();
    if (trace != null) return new Tensor(trace.state(this));
    state.stateLock().lock();
    try {
      synchronized (state) {
        checkHasValue();
        boolean anothers = assigner != null && !assigner.equals(Thread.currentThread());
        if (!anothers) {
          return new Tensor(shareCurrent());
        }
      }
      Evaluation.run(List.of(pendingValue()));
      commit();
      return new Tensor(shareCurrent());
    } finally {
      state.stateLock().unlock();
    }
  }

  /**
   * Makes {@code value} the value from now on. Its history is cut: no gradient flows through it.
   *
   * @throws IllegalStateException in the body of scan, while or cond, which stands for many runs
   */
  public void assign(Tensor value) {
    if (!value.type().equals(type)) {
      throw new IllegalArgumentException(
          "assign: a parameter %s got %s; its type does not change".formatted(type, value.type()));
    }
    if (!value.device().equals(device)) throw Tensor.mixedDevices(device, value.device());
    var recording = Context.current().recording();
    if (recording != null && recording.isInBody()) {
      throw new IllegalStateException(
          "a parameter is assigned in the body of scan, while or cond; carry the value and assign"
              + " the result");
    }
    var assigned = recording == null ? value : value.stopGradient();
    if (recording != null && recording.trace().isPresent()) {
      recording.trace().get().assign(this, assigned.lazy());
      return;
    }
    state.stateLock().lock();
    try {
      synchronized (state) {
        var lazy = assigned.lazy();
        lost = false;
        if (assigner != null) state.removePending(assigner, this);
        current = lazy;
        assigner = Thread.currentThread();
        state.addPending(assigner, this);
      }
      if (assigned.lazy().buffer() != null) commit();
    } finally {
      state.stateLock().unlock();
    }
  }

  /** The value at the start of a recording, with respect to which it differentiates. */
  LazyValue valueForRecording() {
    return value().lazy();
  }

  LazyValue pendingValue() {
    synchronized (state) {
      return checkHasValue().resolve();
    }
  }

  /** After the pending value has a buffer. */
  void commit() {
    synchronized (state) {
      if (assigner == null || checkHasValue().resolve().buffer() == null) return;
      state.removePending(assigner, this);
      assigner = null;
      shareCurrent();
      keepFromScope();
    }
  }

  /** The buffer for a run, evaluated if need be. Under the state lock. */
  DeviceBuffer buffer() {
    synchronized (state) {
      var known = checkHasValue().resolve().buffer();
      if (known != null && assigner == null) return known;
    }
    Evaluation.run(List.of(pendingValue()));
    synchronized (state) {
      if (assigner != null) {
        // Another thread's: its handle on what it assigned outlives the step that comes now.
        state.removePending(assigner, this);
        assigner = null;
        shareCurrent();
        keepFromScope();
      }
      var buffer = checkHasValue().resolve().buffer();
      if (buffer == null) throw new IllegalStateException("an evaluated parameter has a buffer");
      return buffer;
    }
  }

  /** What a step computed. Under the state lock. */
  void replace(DeviceBuffer buffer) {
    synchronized (state) {
      current = new LazyValue(LazyNode.leaf(buffer, null), 0);
    }
  }

  /** A step failed after it had begun to overwrite the value. */
  void lose() {
    synchronized (state) {
      lost = true;
    }
  }

  private @Nullable Recording trace() {
    var recording = Context.current().recording();
    return recording == null ? null : recording.trace().orElse(null);
  }

  private LazyValue shareCurrent() {
    var value = checkHasValue();
    var buffer = value.resolve().buffer();
    if (buffer != null) buffer.share();
    return value;
  }

  private void keepFromScope() {
    var scope = Context.current().scope();
    var buffer = checkHasValue().resolve().buffer();
    if (scope != null && buffer != null) scope.forget(buffer);
  }

  private LazyValue checkHasValue() {
    if (lost) {
      throw new IllegalStateException(
          "the value of a parameter %s was lost in a step that failed; load a checkpoint"
              .formatted(type));
    }
    if (current == null) {
      throw new IllegalStateException(
          "a parameter %s has no value yet; call initialize(RandomKey.of(seed)) on the model, or load a checkpoint"
              .formatted(type));
    }
    return current;
  }

  /** The type and value. */
  @Override
  public String toString() {
    return value().toString();
  }
}
