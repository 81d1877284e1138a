package dev.gamelan.train;

import dev.gamelan.optim.LearningRateSchedule;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.Tensors;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Everything of a training that has state: what a checkpoint takes from it, and gives back.
 *
 * @param parameters all that is on the device, by the names in checkpoints
 */
record Resumable(
    long seed,
    Map<String, Parameter> parameters,
    LearningRateSchedule schedule,
    @Nullable EarlyStopping earlyStopping,
    List<History> histories) {
  TrainingState state(Position position) {
    return new TrainingState(
        TrainingState.VERSION,
        seed,
        position.epoch,
        position.batch,
        position.order,
        position.step,
        position.lossSum,
        position.lossCount,
        position.metrics,
        position.measured,
        sorted(schedule.state()),
        sorted(earlyStopping == null ? Map.of() : earlyStopping.state()),
        histories.stream().map(History::curves).toList());
  }

  /** In an order that is the same in every process, so that equal states are equal files. */
  private static Map<String, Double> sorted(Map<String, Double> state) {
    return new TreeMap<>(state);
  }

  /**
   * Takes over what was saved.
   *
   * @throws IllegalArgumentException if it is of another training, naming what differs; nothing is
   *     changed then
   */
  void restore(Checkpoints.Loaded loaded, Position position) {
    var state = loaded.state();
    if (state.seed() != seed) {
      throw new IllegalArgumentException(
          "%s was trained with seed %d, not %d; use the same seed"
              .formatted(loaded.file(), state.seed(), seed));
    }
    restoreTensors(loaded);
    if (earlyStopping != null) earlyStopping.restore(state.earlyStopping());
    for (int i = 0; i < Math.min(histories.size(), state.histories().size()); i++) {
      histories.get(i).restore(state.histories().get(i));
    }
    position.epoch = state.epoch();
    position.batch = state.batch();
    position.order = state.order();
    position.step = state.step();
    position.lossSum = state.lossSum();
    position.lossCount = state.lossCount();
    position.metrics = state.metrics();
    position.measured = state.measured();
  }

  /** With the state of the schedule, both or neither. */
  private void restoreTensors(Checkpoints.Loaded loaded) {
    var before = schedule.state();
    schedule.restore(loaded.state().schedule());
    try {
      Tensors.restore("the training in " + loaded.file(), parameters, loaded.tensors());
    } catch (IllegalArgumentException e) {
      schedule.restore(before);
      throw e;
    }
  }
}
