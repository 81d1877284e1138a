package dev.gamelan.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * An exported model in ONNX Runtime: all optimisations, sequential execution, input and output in
 * direct buffers that are made once.
 */
final class OnnxRuntimeInference implements Contender {
  private final OrtSession.SessionOptions options;
  private final OrtSession session;
  private final Input input;
  private final boolean resident;
  private final ByteBuffer write;
  private final Map<String, OnnxTensor> inputs;
  private final Map<String, OnnxTensor> outputs;
  private final FloatBuffer read;

  /** Of a model from {@code input} to {@code output}, which are f32 or i32. */
  OnnxRuntimeInference(Path file, int threads, Input input, TensorType output, boolean resident)
      throws OrtException {
    this.options = new OrtSession.SessionOptions();
    options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
    options.setExecutionMode(OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL);
    options.setIntraOpNumThreads(threads);
    options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
    var environment = OrtEnvironment.getEnvironment();
    this.session = environment.createSession(file.toString(), options);
    this.input = input;
    this.resident = resident;
    this.write = direct(input.type());
    var dims = input.type().shape().dims();
    this.inputs =
        Map.of(
            "input",
            input.type().dtype() == DType.I32
                ? OnnxTensor.createTensor(environment, write.asIntBuffer(), dims)
                : OnnxTensor.createTensor(environment, write.asFloatBuffer(), dims));
    this.read = direct(output).asFloatBuffer();
    this.outputs =
        Map.of("output", OnnxTensor.createTensor(environment, read, output.shape().dims()));
  }

  private static ByteBuffer direct(TensorType type) {
    return ByteBuffer.allocateDirect(Math.toIntExact(type.bytes())).order(ByteOrder.nativeOrder());
  }

  @Override
  public float[] result() throws OrtException {
    input.write(write);
    session.run(inputs, outputs).close();
    var values = new float[read.capacity()];
    read.get(0, values);
    return values;
  }

  @Override
  public void call() throws OrtException {
    if (resident) session.run(inputs, outputs).close();
    else result();
  }

  @Override
  public void close() {
    outputs.values().forEach(OnnxTensor::close);
    inputs.values().forEach(OnnxTensor::close);
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
    options.close();
  }
}
