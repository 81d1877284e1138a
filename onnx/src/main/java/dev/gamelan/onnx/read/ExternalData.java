package dev.gamelan.onnx.read;

import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.proto.TensorProto;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/** The files beside a model that hold elements of its tensors, mapped when first needed. */
final class ExternalData {
  private final Path folder;
  private final Arena arena;
  private final Map<Path, MemorySegment> files = new HashMap<>();

  ExternalData(Path folder, Arena arena) {
    this.folder = folder;
    this.arena = arena;
  }

  /** The bytes of the elements of {@code tensor}: a view, wherever they are. */
  synchronized MemorySegment bytes(TensorProto tensor) {
    var external = tensor.external();
    if (external == null) return tensor.bytes();
    var type = tensor.type();
    var location = external.getOrDefault("location", "");
    var file = files.computeIfAbsent(inFolder(location, tensor), path -> map(path, tensor));
    long offset = number(external, "offset", 0, tensor);
    long length = number(external, "length", type.bytes(), tensor);
    if (length != type.bytes()) {
      throw new OnnxException(
          "tensor '%s' is %s and takes %d bytes; '%s' has %d for it"
              .formatted(tensor.name(), type, type.bytes(), location, length));
    }
    if (offset < 0 || offset > file.byteSize() - length) {
      throw new OnnxException(
          "tensor '%s' lies at bytes %d to %d of '%s', which has %d"
              .formatted(tensor.name(), offset, offset + length, location, file.byteSize()));
    }
    return file.asSlice(offset, length);
  }

  /** The file called {@code location}, which must lie in the model's folder, links resolved. */
  private Path inFolder(String location, TensorProto tensor) {
    try {
      var root = folder.toRealPath();
      var path = root.resolve(location).toRealPath();
      if (!location.isEmpty() && path.startsWith(root) && Files.isRegularFile(path)) return path;
      throw new OnnxException(
          "tensor '%s' lies in '%s', which is no file in the model's folder %s"
              .formatted(tensor.name(), location, folder));
    } catch (IOException | IllegalArgumentException e) {
      throw new OnnxException(
          "tensor '%s' lies in '%s', which can't be read in %s"
              .formatted(tensor.name(), location, folder),
          e);
    }
  }

  private MemorySegment map(Path path, TensorProto tensor) {
    try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw new OnnxException(
          "tensor '%s' lies in '%s', which can't be read: %s"
              .formatted(tensor.name(), path, e.getMessage()),
          e);
    }
  }

  private static long number(
      Map<String, String> entries, String key, long otherwise, TensorProto tensor) {
    var text = entries.get(key);
    if (text == null) return otherwise;
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw new OnnxException(
          "tensor '%s' has '%s' for the %s of its data".formatted(tensor.name(), text, key), e);
    }
  }
}
