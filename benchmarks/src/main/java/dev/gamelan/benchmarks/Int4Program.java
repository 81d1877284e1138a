package dev.gamelan.benchmarks;

import dev.gamelan.io.ProtoWriter;
import dev.gamelan.ir.TensorOp;
import dev.gamelan.tensor.Precision;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * One row times weights of 4 bits, as a language model decodes: by us with x as near as f32 has it,
 * or in bf16 with 8 bits of it and eight to a scale, by ONNX Runtime's MatMulNBits with x rounded
 * to int8, which is its fastest.
 */
final class Int4Program implements Program {
  private static final int OUTPUTS = 16384;
  private static final int COLUMNS = 8192;
  private static final int GROUP = 128;
  private static final String ONNX_RUNTIME = "onnxruntime";

  /** ONNX's numbers of element types. */
  private static final int FLOAT = 1;

  private static final int UINT8 = 2;

  @Override
  public String name() {
    return "int4-gemv";
  }

  @Override
  public String description() {
    return "1×%d times weights of 4 bits [%d, %1$d] in groups of %d"
        .formatted(COLUMNS, OUTPUTS, GROUP);
  }

  @Override
  public double flops() {
    return 0;
  }

  /** The weights and their scales. */
  @Override
  public double bytes() {
    return (double) OUTPUTS * COLUMNS / 2 + 4.0 * OUTPUTS * COLUMNS / GROUP;
  }

  @Override
  public List<String> contenders() {
    return List.of(InferenceProgram.OURS, ONNX_RUNTIME, InferenceProgram.IN_BF16);
  }

  @Override
  public Agreement agreement(String contender) {
    return Agreement.INT8;
  }

  @Override
  public Contender open(String contender, Workspace workspace) throws Exception {
    var weights = new byte[OUTPUTS * COLUMNS / 2];
    new Random(3).nextBytes(weights);
    var scales = Input.normal(OUTPUTS * COLUMNS / GROUP, 4);
    var input = Input.floats(1, COLUMNS);
    var output = TensorType.of(DType.F32, 1, OUTPUTS);
    if (!contender.equals(ONNX_RUNTIME)) {
      var precision = contender.equals(InferenceProgram.IN_BF16) ? Precision.BF16 : Precision.F32;
      return new GamelanInference(product(weights, scales), input, precision, true);
    }
    var file = workspace.folder().resolve(name() + ".onnx");
    if (!Files.exists(file)) write(file, weights, scales);
    return new OnnxRuntimeInference(file, workspace.threads(), input, output, true);
  }

  /** Theirs are unsigned around 8; ours are signed, which takes the highest bit turned. */
  private static UnaryOperator<Tensor> product(byte[] weights, float[] scales) {
    var signed = weights.clone();
    for (int i = 0; i < signed.length; i++) signed[i] ^= (byte) 0x88;
    var type = TensorType.of(DType.I4, OUTPUTS, COLUMNS);
    var w = Tensor.of(type, MemorySegment.ofArray(signed)).evaluate();
    var s = Tensor.of(scales, OUTPUTS, COLUMNS / GROUP).evaluate();
    return x -> Tensor.apply(new TensorOp.QuantizedMatmul(GROUP), List.of(x, w, s));
  }

  /** A model of the one operator; the fields are those of onnx.proto. */
  private static void write(Path file, byte[] weights, float[] scales) throws IOException {
    var node =
        new ProtoWriter()
            .text(1, "input")
            .text(1, "weights")
            .text(1, "scales")
            .text(2, "output")
            .text(4, "MatMulNBits")
            .message(5, attribute("K", COLUMNS))
            .message(5, attribute("N", OUTPUTS))
            .message(5, attribute("bits", 4))
            .message(5, attribute("block_size", GROUP))
            .message(5, attribute("accuracy_level", 4))
            .text(7, "com.microsoft");
    var floats = ByteBuffer.allocate(4 * scales.length).order(ByteOrder.LITTLE_ENDIAN);
    floats.asFloatBuffer().put(scales);
    var graph =
        new ProtoWriter()
            .message(1, node)
            .text(2, "int4")
            .message(5, tensor("weights", UINT8, weights, OUTPUTS, COLUMNS / GROUP, GROUP / 2))
            .message(5, tensor("scales", FLOAT, floats.array(), OUTPUTS * COLUMNS / GROUP))
            .message(11, value("input", COLUMNS))
            .message(12, value("output", OUTPUTS));
    var model =
        new ProtoWriter()
            .integer(1, 10)
            .message(7, graph)
            .message(8, new ProtoWriter().text(1, "").integer(2, 21))
            .message(8, new ProtoWriter().text(1, "com.microsoft").integer(2, 1));
    Files.write(file, model.toByteArray());
  }

  private static ProtoWriter attribute(String name, long value) {
    int isInteger = 2;
    return new ProtoWriter().text(1, name).integer(3, value).integer(20, isInteger);
  }

  private static ProtoWriter tensor(String name, int type, byte[] bytes, long... dims) {
    var tensor = new ProtoWriter();
    for (long dim : dims) tensor.integer(1, dim);
    return tensor.integer(2, type).text(8, name).bytes(9, bytes);
  }

  private static ProtoWriter value(String name, long size) {
    var shape =
        new ProtoWriter()
            .message(1, new ProtoWriter().integer(1, 1))
            .message(1, new ProtoWriter().integer(1, size));
    var tensorType = new ProtoWriter().integer(1, FLOAT).message(2, shape);
    return new ProtoWriter().text(1, name).message(2, new ProtoWriter().message(1, tensorType));
  }
}
