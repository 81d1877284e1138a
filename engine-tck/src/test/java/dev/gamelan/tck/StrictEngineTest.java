package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.engine.EngineException;
import dev.gamelan.engine.Engines;
import dev.gamelan.ir.Primitive;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Gradients;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What only an engine that counts, runs late and fails late can show of the core. */
class StrictEngineTest {
  private static final String DEVICE = "strict:0";

  private static StrictEngine engine() {
    return (StrictEngine) Engines.get(StrictEngine.NAME);
  }

  private static void on(Runnable test) {
    Devices.use(
        DEVICE,
        () -> {
          test.run();
          return true;
        });
  }

  @Test
  void aThousandRoundsRunTheFunctionTwoThousandTimesAtMost() {
    on(
        () -> {
          long before = engine().executions("erf");
          var s = Tensor.of(new float[] {1, 2});
          for (int i = 0; i < 1000; i++) {
            s = s.erf();
            s.sum().toFloat();
          }
          long executed = engine().executions("erf") - before;
          assertTrue(executed <= 2000, executed + " executions");
        });
  }

  @Test
  void forwardNodesRunOnceForLossGradientsAndAHeldIntermediate() {
    on(
        () -> {
          var x = Tensor.of(new float[] {1, 2});
          var held = new ArrayList<Tensor>();
          var step =
              Gradients.compute(
                  List.of(x),
                  () -> {
                    held.add(x.tanh());
                    return held.getFirst().sum();
                  });
          long before = engine().executions("tanh");
          step.of(x).toFloatArray();
          step.loss().toFloat();
          held.getFirst().toFloatArray();
          assertEquals(1, engine().executions("tanh") - before);
        });
  }

  @Test
  void aCheckpointedRegionRunsTwiceAndItsBarrierKeepsThemApart() {
    on(
        () -> {
          var x = Tensor.of(new float[] {1, 2});
          long before = engine().executions("tanh");
          var step =
              Gradients.compute(
                  List.of(x), () -> Gradients.checkpoint(() -> x.sin().tanh().square()).sum());
          step.of(x).toFloatArray();
          assertEquals(2, engine().executions("tanh") - before);
        });
  }

  @Test
  void aLateFailureComesOutWhereTheResultIsRead() {
    on(
        () -> {
          var x = Tensor.of(new float[] {1, 2});
          var outside = x.gather(0, Tensor.of(new int[] {5})).evaluate();
          var error = assertThrows(EngineException.class, outside::toFloatArray);
          assertTrue(String.valueOf(error.getMessage()).contains("index 5"), error.getMessage());
        });
  }

  @Test
  void aDtypeThatTheEngineHasNotIsRefusedBeforeAnythingRuns() {
    on(
        () -> {
          var x = Tensor.of(new float[] {1, 2});
          var error =
              assertThrows(EngineException.class, () -> x.convert(DType.F16).exp().toFloatArray());
          var message = String.valueOf(error.getMessage());
          assertTrue(message.contains("f16") && message.contains("strict:0"), message);
        });
  }

  @Test
  void anUnknownCustomCallIsRefusedWithTheWayOut() {
    on(
        () -> {
          var op = new Primitive.CustomCall("warp", "", List.of(TensorType.of(DType.F32)));
          var error =
              assertThrows(EngineException.class, () -> Tensor.apply(op, List.of()).toFloatArray());
          assertTrue(String.valueOf(error.getMessage()).contains("custom_call 'warp'"));
        });
  }
}
