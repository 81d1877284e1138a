package dev.gamelan.onnx.write;

import dev.gamelan.exchange.AtomicFiles;
import dev.gamelan.io.ProtoWriter;
import dev.gamelan.ir.Graph;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.write.Emitter.Name;
import dev.gamelan.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Writes a whole model: the graph's inputs that have a tensor become initializers. */
public final class ModelWriter {
  static final int OPSET = 21;

  /** The oldest format that has this opset. */
  private static final int FORMAT = 10;

  /** Protocol buffers end at 2 GB; larger weights go to a file beside the model. */
  private static final long LARGEST_MODEL = 1L << 30;

  private static final long LARGEST_WRITE = 1L << 30;

  private ModelWriter() {}

  /**
   * @param inputs names of the graph's inputs, in order
   * @param outputs names for the outputs
   * @param weights the tensors of those inputs that are weights, by name
   */
  public static void write(
      Path file,
      Graph graph,
      List<String> inputs,
      List<String> outputs,
      Map<String, Tensor> weights)
      throws IOException {
    write(file, graph, inputs, outputs, weights, LARGEST_MODEL);
  }

  /**
   * @param largest bytes of weights that still go into the model's own file
   */
  static void write(
      Path file,
      Graph graph,
      List<String> inputs,
      List<String> outputs,
      Map<String, Tensor> weights,
      long largest)
      throws IOException {
    var out = new Emitter();
    var names = new ArrayList<Name>();
    var open = new ArrayList<Name>();
    for (int i = 0; i < inputs.size(); i++) {
      var name = new Name(inputs.get(i), graph.inputs().get(i).type());
      Emitter.checkDtype(name.type());
      names.add(name);
      if (!weights.containsKey(name.text())) open.add(name);
    }
    var results = new ArrayList<Name>();
    var values = GraphWriter.write(out, graph, names);
    for (int i = 0; i < values.size(); i++) {
      var result = new Name(outputs.get(i), values.get(i).type());
      out.add("Identity", List.of(values.get(i).text()), List.of(result));
      results.add(result);
    }
    long bytes = weights.values().stream().mapToLong(w -> w.type().bytes()).sum();
    if (bytes <= largest) {
      weights.forEach((name, tensor) -> out.initializer(name, tensor.type(), copy(tensor)));
    } else {
      var data = file.resolveSibling(file.getFileName() + ".data");
      long at = 0;
      for (var weight : weights.entrySet()) {
        var type = weight.getValue().type();
        out.external(weight.getKey(), type, String.valueOf(data.getFileName()), at);
        at += type.bytes();
      }
      AtomicFiles.write(data, channel -> writeAll(channel, weights));
    }
    var model =
        new ProtoWriter()
            .integer(1, FORMAT)
            .text(2, "Gamelan")
            .message(7, out.graph("graph", open, results))
            .message(8, new ProtoWriter().text(1, "").integer(2, OPSET));
    AtomicFiles.write(file, model.toByteArray());
  }

  private static byte[] copy(Tensor tensor) {
    try (var arena = Arena.ofConfined()) {
      return read(tensor, arena).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static MemorySegment read(Tensor tensor, Arena arena) {
    var bytes = arena.allocate(Math.max(tensor.type().bytes(), 1), 64);
    tensor.read(bytes);
    return bytes.asSlice(0, tensor.type().bytes());
  }

  private static void writeAll(FileChannel channel, Map<String, Tensor> weights)
      throws IOException {
    for (var weight : weights.values()) {
      try (var arena = Arena.ofConfined()) {
        var bytes = read(weight, arena);
        for (long at = 0; at < bytes.byteSize(); at += LARGEST_WRITE) {
          long length = Math.min(LARGEST_WRITE, bytes.byteSize() - at);
          ByteBuffer buffer = bytes.asSlice(at, length).asByteBuffer();
          while (buffer.hasRemaining()) channel.write(buffer);
        }
      }
    }
  }

  /** Names of outputs must not be those of inputs. */
  public static void checkNames(List<String> inputs, List<String> outputs) {
    var all = new ArrayList<>(inputs);
    all.addAll(outputs);
    if (all.stream().distinct().count() < all.size()) {
      throw new OnnxException("inputs, weights and outputs need names of their own; got " + all);
    }
  }
}
