package dev.gamelan.onnx;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import dev.gamelan.engine.reference.Array;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Runs models in ONNX Runtime, the judge that is not ours. */
final class OnnxRuntime {
  private OnnxRuntime() {}

  static List<Array> run(Path file, Map<String, Array> inputs, List<TensorType> outputs)
      throws OrtException {
    var environment = OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
    try (var options = new OrtSession.SessionOptions()) {
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      try (var session = environment.createSession(file.toString(), options)) {
        var tensors = new LinkedHashMap<String, OnnxTensor>();
        for (var name : session.getInputNames()) {
          tensors.put(name, tensor(environment, inputs.get(name)));
        }
        var results = new ArrayList<Array>();
        try (var result = session.run(tensors)) {
          int index = 0;
          for (var output : result) {
            results.add(array((OnnxTensor) output.getValue(), outputs.get(index++)));
          }
        } finally {
          tensors.values().forEach(OnnxTensor::close);
        }
        return results;
      }
    }
  }

  /** Empty for dtypes that its Java API does not take. */
  static Optional<OnnxJavaType> type(DType dtype) {
    return Optional.ofNullable(
        switch (dtype) {
          case F32 -> OnnxJavaType.FLOAT;
          case F64 -> OnnxJavaType.DOUBLE;
          case F16 -> OnnxJavaType.FLOAT16;
          case I8 -> OnnxJavaType.INT8;
          case U8 -> OnnxJavaType.UINT8;
          case I16 -> OnnxJavaType.INT16;
          case I32 -> OnnxJavaType.INT32;
          case I64 -> OnnxJavaType.INT64;
          case BOOL -> OnnxJavaType.BOOL;
          default -> null;
        });
  }

  private static OnnxTensor tensor(OrtEnvironment environment, Array array) throws OrtException {
    var bytes =
        ByteBuffer.allocateDirect((int) array.type().bytes()).order(ByteOrder.nativeOrder());
    array.write(MemorySegment.ofBuffer(bytes));
    return OnnxTensor.createTensor(
        environment, bytes, array.type().shape().dims(), type(array.type().dtype()).orElseThrow());
  }

  private static Array array(OnnxTensor tensor, TensorType expected) {
    var info = tensor.getInfo();
    var type = TensorType.of(expected.dtype(), info.getShape());
    if (info.type != type(expected.dtype()).orElseThrow()) {
      throw new AssertionError(info.type + " instead of " + expected);
    }
    var array = Array.zeros(type);
    array.read(MemorySegment.ofBuffer(tensor.getByteBuffer()));
    return array;
  }
}
