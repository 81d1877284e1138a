package dev.gamelan.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Path;

/** A file with a JSON value on each line. */
public final class JsonLines implements Dataset<JsonNode> {
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private final LineFile lines;

  private JsonLines(LineFile lines) {
    this.lines = lines;
  }

  public static JsonLines open(Path file) throws IOException {
    return new JsonLines(LineFile.open(file));
  }

  @Override
  public long size() {
    return lines.size();
  }

  @Override
  public JsonNode get(long index) {
    try {
      var value = JSON.readTree(lines.get(index));
      if (!value.isMissingNode()) return value;
      throw new BrokenRecordException(lines.file(), index + 1, "is empty");
    } catch (JsonProcessingException e) {
      throw new BrokenRecordException(
          lines.file(), index + 1, "is no JSON: " + e.getOriginalMessage());
    }
  }
}
