package dev.gamelan.tck;

import dev.gamelan.engine.Buffer;
import dev.gamelan.engine.CompileOptions;
import dev.gamelan.engine.Device;
import dev.gamelan.engine.Engines;
import dev.gamelan.engine.reference.Array;
import dev.gamelan.ir.Graph;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** Runs a graph on an engine, from and to the reference's arrays. */
final class EngineRun {
  private EngineRun() {}

  static List<Array> run(Graph graph, Device device, List<Array> inputs) {
    try (var executable = Engines.compile(graph, device, CompileOptions.DEFAULT)) {
      var buffers = new ArrayList<Buffer>();
      for (var input : inputs) buffers.add(upload(device, input));
      var results = new ArrayList<Array>();
      for (var buffer : executable.run(buffers)) {
        results.add(download(buffer));
        buffer.close();
      }
      buffers.forEach(Buffer::close);
      return results;
    }
  }

  static Buffer upload(Device device, Array array) {
    var buffer = Engines.get(device.engine()).allocate(array.type(), device);
    try (var arena = Arena.ofConfined()) {
      var bytes = arena.allocate(Math.max(array.type().bytes(), 1), 64);
      array.write(bytes);
      buffer.write(bytes);
    }
    return buffer;
  }

  static Array download(Buffer buffer) {
    try (var arena = Arena.ofConfined()) {
      var bytes = arena.allocate(Math.max(buffer.type().bytes(), 1), 64);
      buffer.read(bytes);
      var array = Array.zeros(buffer.type());
      array.read(bytes);
      return array;
    }
  }
}
