package dev.gamelan.tensorflow;

import dev.gamelan.exchange.TensorInfo;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A function of a SavedModel, as the messages MetaGraphDef and SignatureDef tell it
 * (tensorflow/core/protobuf/meta_graph.proto); inputs and outputs are in the order of their names.
 *
 * @param inputs what is fed
 * @param outputs what is fetched
 */
record Signature(List<Endpoint> inputs, List<Endpoint> outputs) {
  static final int META_GRAPH_SIGNATURE = 5;
  static final int SIGNATURE_INPUT = 1;
  static final int SIGNATURE_OUTPUT = 2;
  static final int SIGNATURE_METHOD = 3;
  static final int INFO_NAME = 1;
  static final int INFO_DTYPE = 2;
  static final int INFO_SHAPE = 3;
  private static final int SHAPE_DIM = 2;
  private static final int SHAPE_UNKNOWN_RANK = 3;
  private static final int DIM_SIZE = 1;
  private static final int KEY = 1;
  private static final int VALUE = 2;

  /**
   * @param tensor the operation's name, a colon, and the index of its result
   */
  record Endpoint(TensorInfo info, String tensor) {}

  /**
   * @throws IOException if the model has none called {@code name}, or one that takes or gives what
   *     we have no dtype for
   */
  static Signature of(MemorySegment metaGraph, String name) throws IOException {
    var names = new ArrayList<String>();
    for (var field : ProtoReader.fields(metaGraph)) {
      if (field.field() != META_GRAPH_SIGNATURE) continue;
      var entry = Entry.of(field);
      names.add(entry.key);
      if (entry.key.equals(name)) {
        return new Signature(
            endpoints(entry.value, SIGNATURE_INPUT), endpoints(entry.value, SIGNATURE_OUTPUT));
      }
    }
    throw new IOException("no signature '%s'; it has %s".formatted(name, names));
  }

  private record Entry(String key, MemorySegment value) {
    static Entry of(ProtoReader.Field field) throws IOException {
      var key = "";
      var value = MemorySegment.ofArray(new byte[0]);
      for (var part : field.fields()) {
        if (part.field() == KEY) key = part.text();
        if (part.field() == VALUE) value = part.bytes();
      }
      return new Entry(key, value);
    }
  }

  private static List<Endpoint> endpoints(MemorySegment signature, int kind) throws IOException {
    var endpoints = new TreeMap<String, Endpoint>();
    for (var field : ProtoReader.fields(signature)) {
      if (field.field() != kind) continue;
      var entry = Entry.of(field);
      endpoints.put(entry.key, endpoint(entry.key, entry.value));
    }
    return List.copyOf(endpoints.values());
  }

  private static Endpoint endpoint(String name, MemorySegment info) throws IOException {
    var tensor = "";
    long dtype = 0;
    @Nullable List<Long> dims = List.of();
    for (var field : ProtoReader.fields(info)) {
      switch (field.field()) {
        case INFO_NAME -> tensor = field.text();
        case INFO_DTYPE -> dtype = field.number();
        case INFO_SHAPE -> dims = dims(field);
        default -> {}
      }
    }
    var known = DataTypes.of(dtype);
    if (known.isEmpty()) {
      throw new IOException(
          "'%s' is of TensorFlow's dtype %d, which none of ours is".formatted(name, dtype));
    }
    return new Endpoint(new TensorInfo(name, known.get(), dims), tensor);
  }

  private static @Nullable List<Long> dims(ProtoReader.Field shape) throws IOException {
    var dims = new ArrayList<Long>();
    for (var field : shape.fields()) {
      if (field.field() == SHAPE_UNKNOWN_RANK && field.number() != 0) return null;
      if (field.field() != SHAPE_DIM) continue;
      long size = 0;
      for (var part : field.fields()) if (part.field() == DIM_SIZE) size = part.number();
      dims.add(Math.max(size, TensorInfo.ANY));
    }
    return dims;
  }
}
