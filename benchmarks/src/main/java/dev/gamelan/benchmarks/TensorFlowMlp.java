package dev.gamelan.benchmarks;

import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import org.tensorflow.Graph;
import org.tensorflow.Operand;
import org.tensorflow.Session;
import org.tensorflow.ndarray.Shape;
import org.tensorflow.ndarray.buffer.DataBuffers;
import org.tensorflow.op.Op;
import org.tensorflow.op.Ops;
import org.tensorflow.op.core.Placeholder;
import org.tensorflow.op.core.Variable;
import org.tensorflow.op.linalg.MatMul;
import org.tensorflow.proto.ConfigProto;
import org.tensorflow.types.TFloat32;

/** A step as a graph with gradients written out by hand, which updates its variables in place. */
final class TensorFlowMlp implements Contender {
  private final MlpProgram.Data data;
  private final Graph graph = new Graph();
  private final Session session;
  private final TFloat32 x;
  private final Placeholder<TFloat32> input;
  private final Operand<TFloat32> loss;
  private final List<Variable<TFloat32>> variables = new ArrayList<>();
  private final List<Op> updates = new ArrayList<>();
  private int calls;

  TensorFlowMlp(MlpProgram.Size size, MlpProgram.Data data, int threads) {
    this.data = data;
    var tf = Ops.create(graph);
    var first = new ArrayList<Op>();
    var w1 = variable(tf, first, data.hidden, size.hidden, size.in);
    var b1 = variable(tf, first, new float[size.hidden], size.hidden);
    var w2 = variable(tf, first, data.out, size.out, size.hidden);
    var b2 = variable(tf, first, new float[size.out], size.out);
    var targets = new float[size.batch][size.out];
    for (int i = 0; i < size.batch; i++) targets[i][data.labels[i]] = 1;
    var shape = Shape.of(size.batch, size.in);
    input = tf.placeholder(TFloat32.class, Placeholder.shape(shape));
    var z1 = tf.nn.biasAdd(tf.linalg.matMul(input, w1, MatMul.transposeB(true)), b1);
    var h = tf.nn.relu(z1);
    var z2 = tf.nn.biasAdd(tf.linalg.matMul(h, w2, MatMul.transposeB(true)), b2);
    var entropy = tf.nn.softmaxCrossEntropyWithLogits(z2, tf.constant(targets));
    loss = tf.math.mean(entropy.loss(), tf.constant(0));
    var dz2 = tf.math.div(entropy.backprop(), tf.constant((float) size.batch));
    var dz1 = tf.nn.reluGrad(tf.linalg.matMul(dz2, w2), h);
    List<Operand<TFloat32>> gradients =
        List.of(
            tf.linalg.matMul(dz1, input, MatMul.transposeA(true)),
            tf.nn.biasAddGrad(dz1),
            tf.linalg.matMul(dz2, h, MatMul.transposeA(true)),
            tf.nn.biasAddGrad(dz2));
    // No variable changes before the last gradient has read it.
    var then = tf.withControlDependencies(List.<Op>copyOf(gradients));
    var rate = tf.constant(MlpProgram.RATE);
    for (int i = 0; i < variables.size(); i++) {
      updates.add(then.train.applyGradientDescent(variables.get(i), rate, gradients.get(i)));
    }
    var config =
        ConfigProto.newBuilder()
            .setIntraOpParallelismThreads(threads)
            .setInterOpParallelismThreads(1)
            .build();
    session = new Session(graph, config);
    var initial = session.runner();
    first.forEach(initial::addTarget);
    initial.run().close();
    x = TFloat32.tensorOf(shape);
  }

  private Variable<TFloat32> variable(Ops tf, List<Op> first, float[] values, long... dims) {
    var shape = Shape.of(dims);
    var variable = tf.variable(shape, TFloat32.class);
    var value = TFloat32.tensorOf(shape, DataBuffers.of(values));
    first.add(tf.assign(variable, tf.constantOf(value)));
    variables.add(variable);
    return variable;
  }

  private float loss() {
    x.copyFrom(DataBuffers.of(data.x));
    var runner = session.runner().feed(input, x).fetch(loss);
    updates.forEach(runner::addTarget);
    try (var results = runner.run()) {
      return ((TFloat32) results.get(0)).getFloat();
    }
  }

  @Override
  public float[] result() {
    int count = 0;
    var parameters = new ArrayList<float[]>();
    var losses = FloatBuffer.allocate(MlpProgram.STEPS);
    for (int i = 0; i < MlpProgram.STEPS; i++) losses.put(loss());
    for (var variable : variables) {
      try (var results = session.runner().fetch(variable).run()) {
        var tensor = (TFloat32) results.get(0);
        var values = new float[Math.toIntExact(tensor.size())];
        tensor.copyTo(DataBuffers.of(values));
        parameters.add(values);
        count += values.length;
      }
    }
    var result = FloatBuffer.allocate(MlpProgram.STEPS + count).put(losses.flip());
    parameters.forEach(result::put);
    return result.array();
  }

  @Override
  public void call() {
    data.change(calls++);
    loss();
  }

  @Override
  public void close() {
    x.close();
    session.close();
    graph.close();
  }
}
