package dev.gamelan.benchmarks;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.ParameterStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.FloatBuffer;

/** A step with gradients written out by hand, which updates the parameters in place. */
final class TorchScriptMlp implements Contender {
  private final MlpProgram.Data data;
  private final NDManager manager;
  private final PtSymbolBlock block;
  private final ParameterStore store;
  private final NDList arguments;
  private final NDArray x;
  private int calls;

  TorchScriptMlp(MlpProgram.Size size, MlpProgram.Data data) throws IOException {
    this.data = data;
    manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
    block =
        JniUtils.loadModule(
            (PtNDManager) manager,
            new ByteArrayInputStream(TorchScriptArchive.of(source(size.batch))),
            false,
            false);
    store = new ParameterStore(manager, false);
    var targets = new float[size.batch * size.out];
    for (int i = 0; i < size.batch; i++) targets[i * size.out + data.labels[i]] = 1;
    x = manager.create(data.x, new Shape(size.batch, size.in));
    arguments =
        new NDList(
            manager.create(data.hidden, new Shape(size.hidden, size.in)),
            manager.zeros(new Shape(size.hidden)),
            manager.create(data.out, new Shape(size.out, size.hidden)),
            manager.zeros(new Shape(size.out)),
            x,
            manager.create(targets, new Shape(size.batch, size.out)));
  }

  private static String source(int batch) {
    return """
      def forward(self: __torch__.M, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor, x: Tensor, y: Tensor) -> Tensor:
        z1 = torch.addmm(b1, x, torch.t(w1))
        h = torch.relu(z1)
        z2 = torch.addmm(b2, h, torch.t(w2))
        lp = torch.log_softmax(z2, 1)
        loss = torch.mul(torch.sum(torch.mul(lp, y)), %1$s)
        dz2 = torch.mul(torch.sub(torch.exp(lp), y), %2$s)
        dw2 = torch.mm(torch.t(dz2), h)
        db2 = torch.sum(dz2, [0])
        dz1 = torch.mul(torch.mm(dz2, w2), torch.gt(z1, 0))
        dw1 = torch.mm(torch.t(dz1), x)
        db1 = torch.sum(dz1, [0])
        n1 = torch.sub_(w1, dw1, alpha=%3$s)
        n2 = torch.sub_(b1, db1, alpha=%3$s)
        n3 = torch.sub_(w2, dw2, alpha=%3$s)
        n4 = torch.sub_(b2, db2, alpha=%3$s)
        return loss
    """
        .formatted(-1.0 / batch, 1.0 / batch, MlpProgram.RATE);
  }

  private float loss() {
    x.set(data.x);
    try (var results = block.forward(store, arguments, false)) {
      return results.singletonOrThrow().getFloat();
    }
  }

  @Override
  public float[] result() {
    var parameters = arguments.subList(0, 4);
    int count = parameters.stream().mapToInt(parameter -> (int) parameter.size()).sum();
    var result = FloatBuffer.allocate(count + MlpProgram.STEPS);
    for (int i = 0; i < MlpProgram.STEPS; i++) result.put(loss());
    for (var parameter : parameters) result.put(parameter.toFloatArray());
    return result.array();
  }

  @Override
  public void call() {
    data.change(calls++);
    loss();
  }

  @Override
  public void close() {
    block.close();
    manager.close();
  }
}
