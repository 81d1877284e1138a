package dev.gamelan.onnx.proto;

import java.util.ArrayList;
import java.util.List;

/** Nodes with the names that go in and out. Also what control flow holds. */
public record GraphProto(
    String name,
    List<NodeProto> nodes,
    List<TensorProto> initializers,
    List<SparseTensorProto> sparseInitializers,
    List<ValueInfoProto> inputs,
    List<ValueInfoProto> outputs) {
  public static final GraphProto EMPTY =
      new GraphProto("", List.of(), List.of(), List.of(), List.of(), List.of());

  static GraphProto parse(WireReader in) {
    var name = "";
    var nodes = new ArrayList<NodeProto>();
    var initializers = new ArrayList<TensorProto>();
    var sparse = new ArrayList<SparseTensorProto>();
    var inputs = new ArrayList<ValueInfoProto>();
    var outputs = new ArrayList<ValueInfoProto>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> nodes.add(in.message(NodeProto::parse));
        case 2 -> name = in.text();
        case 5 -> initializers.add(in.message(TensorProto::parse));
        case 11 -> inputs.add(in.message(ValueInfoProto::parse));
        case 12 -> outputs.add(in.message(ValueInfoProto::parse));
        case 15 -> sparse.add(in.message(SparseTensorProto::parse));
        default -> in.skip();
      }
    }
    return new GraphProto(name, nodes, initializers, sparse, inputs, outputs);
  }
}
