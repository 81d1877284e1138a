package dev.gamelan.train;

import dev.gamelan.data.Image;
import dev.gamelan.io.ProtoWriter;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Value;
import dev.gamelan.tensor.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.CRC32C;
import javax.imageio.ImageIO;

/**
 * Writes event files that TensorBoard shows: {@code tensorboard --logdir FOLDER}. As a listener it
 * writes the loss and learning rate of each step and the metrics of each validation. Every event is
 * in the file when the call returns, so a process that dies loses none. Where a training goes on,
 * TensorBoard forgets the steps that are done again.
 *
 * <p>References: [1] TensorFlow's event.proto, summary.proto and graph.proto. [2] TFRecord: length,
 * masked CRC-32C of the length, data, masked CRC-32C of the data.
 */
public final class TensorBoardWriter implements TrainingListener, AutoCloseable {
  private static final int BUCKETS = 30;
  private static final int DT_STRING = 7;
  private static final int RGB = 3;
  private static final int SESSION_START = 1;

  private final FileChannel channel;

  private TensorBoardWriter(FileChannel channel) {
    this.channel = channel;
  }

  /** Begins a new file in {@code folder}; those of earlier trainings stay. */
  public static TensorBoardWriter open(Path folder) throws IOException {
    Files.createDirectories(folder);
    long pid = ProcessHandle.current().pid();
    long seconds = System.currentTimeMillis() / 1000;
    var name = "events.out.tfevents.%010d.gamelan.%d.%d".formatted(seconds, pid, System.nanoTime());
    var channel =
        FileChannel.open(
            folder.resolve(name), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    var writer = new TensorBoardWriter(channel);
    writer.write(event(0).text(3, "brain.Event:2"));
    return writer;
  }

  // ---- as a listener

  @Override
  public void beforeTraining(long step) {
    if (step > 0) write(event(step + 1).message(7, new ProtoWriter().integer(1, SESSION_START)));
  }

  @Override
  public void afterStep(Progress progress) {
    scalar("loss", progress.step(), progress.loss());
    scalar("learning rate", progress.step(), progress.learningRate());
  }

  @Override
  public void afterValidation(Progress progress, Map<String, Double> metrics) {
    metrics.forEach((name, value) -> scalar(name, progress.step(), value));
  }

  // ---- by hand; a tag with slashes is shown in groups

  public void scalar(String tag, long step, double value) {
    summary(step, new ProtoWriter().text(1, tag).number(2, (float) value));
  }

  /** How the finite elements of a tensor are spread: of weights, say. */
  public void histogram(String tag, long step, Tensor tensor) {
    var values = Arrays.stream(tensor.toDoubleArray()).filter(Double::isFinite).sorted().toArray();
    double min = values.length == 0 ? 0 : values[0];
    double max = values.length == 0 ? 0 : values[values.length - 1];
    double width = Math.max((max - min) / BUCKETS, Double.MIN_NORMAL);
    var limits = new double[BUCKETS];
    var counts = new double[BUCKETS];
    for (int i = 0; i < BUCKETS; i++) limits[i] = i + 1 == BUCKETS ? max : min + width * (i + 1);
    for (double value : values) counts[(int) Math.min((value - min) / width, BUCKETS - 1)]++;
    var histogram =
        new ProtoWriter()
            .number(1, min)
            .number(2, max)
            .number(3, (double) values.length)
            .number(4, Arrays.stream(values).sum())
            .number(5, Arrays.stream(values).map(x -> x * x).sum())
            .packed(6, limits)
            .packed(7, counts);
    summary(step, new ProtoWriter().text(1, tag).message(5, histogram));
  }

  public void image(String tag, long step, Image image) {
    var png = new ByteArrayOutputStream();
    try {
      ImageIO.write(image.toBufferedImage(), "png", png);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var encoded =
        new ProtoWriter()
            .integer(1, image.height())
            .integer(2, image.width())
            .integer(3, RGB)
            .bytes(4, png.toByteArray());
    summary(step, new ProtoWriter().text(1, tag).message(4, encoded));
  }

  /** Markdown. */
  public void text(String tag, long step, String text) {
    var one = new ProtoWriter().message(2, new ProtoWriter().integer(1, 1));
    var tensor = new ProtoWriter().integer(1, DT_STRING).message(2, one).text(8, text);
    var plugin = new ProtoWriter().message(1, new ProtoWriter().text(1, "text"));
    summary(
        step,
        new ProtoWriter().text(1, tag + "/text_summary").message(8, tensor).message(9, plugin));
  }

  /** A graph, as {@link dev.gamelan.tensor.Tensors#trace} gives it. */
  public void graph(Graph graph) {
    var definition = new ProtoWriter();
    for (var input : graph.inputs()) {
      definition.message(
          1,
          new ProtoWriter().text(1, name(graph, input)).text(2, "input").message(5, shape(input)));
    }
    for (var node : graph.nodes()) {
      if (node.results().isEmpty()) continue;
      var result = node.results().getFirst();
      var message = new ProtoWriter().text(1, name(graph, result)).text(2, node.op().name());
      for (var operand : node.inputs()) {
        var port = operand.index() == 0 ? "" : ":" + operand.index();
        message.text(3, name(graph, operand) + port);
      }
      definition.message(1, message.message(5, shape(result)));
    }
    definition.message(4, new ProtoWriter().integer(1, 1));
    write(event(0).bytes(4, definition.toByteArray()));
  }

  /** Of the node that computes a value; the same for each of its results. */
  private static String name(Graph graph, Value value) {
    int inputs = graph.inputs().size();
    if (value.node() < inputs) return "input_" + value.node();
    return graph.nodes().get(value.node() - inputs).op().name() + "_" + value.node();
  }

  /** The attribute that TensorBoard shows as a node's output. */
  private static ProtoWriter shape(Value value) {
    var shape = new ProtoWriter();
    for (long dim : value.type().shape().dims()) {
      shape.message(2, new ProtoWriter().integer(1, dim));
    }
    var list = new ProtoWriter().message(7, shape);
    return new ProtoWriter()
        .text(1, "_output_shapes")
        .message(2, new ProtoWriter().message(1, list));
  }

  // ---- records

  private static ProtoWriter event(long step) {
    return new ProtoWriter().number(1, System.currentTimeMillis() / 1e3).integer(2, step);
  }

  private void summary(long step, ProtoWriter value) {
    write(event(step).message(5, new ProtoWriter().message(1, value)));
  }

  private synchronized void write(ProtoWriter event) {
    var data = event.toByteArray();
    var record = ByteBuffer.allocate(data.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length);
    record.putInt(maskedChecksum(record.array(), 0, Long.BYTES));
    record.put(data);
    record.putInt(maskedChecksum(data, 0, data.length));
    record.flip();
    try {
      while (record.hasRemaining()) channel.write(record);
    } catch (IOException e) {
      throw new UncheckedIOException("events for TensorBoard: " + e, e);
    }
  }

  private static int maskedChecksum(byte[] bytes, int offset, int length) {
    var checksum = new CRC32C();
    checksum.update(bytes, offset, length);
    return Integer.rotateRight((int) checksum.getValue(), 15) + 0xa282ead8;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
