package dev.gamelan.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gamelan.data.Image;
import dev.gamelan.io.ProtoWriter;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bytes; that TensorBoard reads them is checked by tools/check_formats.py. */
class TensorBoardWriterTest {
  @TempDir Path folder;

  private List<byte[]> records() throws IOException {
    try (var files = Files.list(folder)) {
      var bytes = ByteBuffer.wrap(Files.readAllBytes(files.findFirst().orElseThrow()));
      bytes.order(ByteOrder.LITTLE_ENDIAN);
      var records = new ArrayList<byte[]>();
      while (bytes.hasRemaining()) {
        var record = new byte[(int) bytes.getLong()];
        bytes.getInt();
        bytes.get(record);
        bytes.getInt();
        records.add(record);
      }
      return records;
    }
  }

  @Test
  void messagesHaveTheWireFormat() {
    var event = new ProtoWriter().number(1, 1.5).integer(2, 300).text(3, "brain");
    // Field 1 double, field 2 varint 300 = ac 02, field 3 of 5 bytes.
    assertEquals(
        "09000000000000f83f" + "10ac02" + "1a05627261696e",
        HexFormat.of().formatHex(event.toByteArray()));
    assertEquals(
        "0d0000803f" + "12080000000000000040" + "1a0208ff",
        HexFormat.of()
            .formatHex(
                new ProtoWriter()
                    .number(1, 1f)
                    .packed(2, new double[] {2})
                    .bytes(3, new byte[] {8, -1})
                    .toByteArray()));
  }

  @Test
  void everyEventIsARecordOfItsOwn() throws IOException {
    try (var writer = TensorBoardWriter.open(folder)) {
      writer.beforeTraining(0);
      writer.afterStep(new Progress(0, 0, 1, 1, 1, 0.5f, 0.1));
      writer.afterValidation(
          new Progress(0, 0, 1, 1, 1, 0.5f, 0.1), Map.of("validation loss", 0.25));
      writer.histogram("weights", 1, Tensor.of(new float[] {1, 2, Float.NaN}));
      writer.image("picture", 1, Image.of(new float[] {0, 1}, 1, 1, 2));
      writer.text("note", 1, "*hello*");
      writer.graph(
          Tensors.trace(in -> List.of(in.getFirst().relu()), List.of(TensorType.of(DType.F32, 2))));
      // What was written is there before the file is closed.
      assertEquals(8, records().size());
      writer.beforeTraining(7);
    }
    var records = records();
    assertEquals(9, records.size());
    var text = new String(records.getFirst(), StandardCharsets.ISO_8859_1);
    assertTrue(text.endsWith("brain.Event:2"), text);
  }
}
