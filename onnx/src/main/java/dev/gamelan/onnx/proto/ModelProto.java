package dev.gamelan.onnx.proto;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model. Field numbers here and in the other messages are those of the standard's schema.
 *
 * @param opsets the version of each domain; that of the standard's own operators is ""
 * @see <a href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto">onnx.proto</a>
 */
public record ModelProto(
    long irVersion,
    String producer,
    Map<String, Long> opsets,
    GraphProto graph,
    List<FunctionProto> functions) {

  public static ModelProto parse(WireReader in) {
    long irVersion = 0;
    var producer = "";
    var opsets = new LinkedHashMap<String, Long>();
    var graph = GraphProto.EMPTY;
    var functions = new ArrayList<FunctionProto>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> irVersion = in.integer();
        case 2 -> producer = in.text();
        case 7 -> graph = in.message(GraphProto::parse);
        case 8 -> in.message(message -> opset(message, opsets));
        case 25 -> functions.add(in.message(FunctionProto::parse));
        default -> in.skip();
      }
    }
    return new ModelProto(irVersion, producer, opsets, graph, functions);
  }

  /** Adds an OperatorSetIdProto to {@code opsets}, and gives it. */
  static Map<String, Long> opset(WireReader in, Map<String, Long> opsets) {
    var domain = "";
    long version = 0;
    while (in.next()) {
      switch (in.field()) {
        case 1 -> domain = NodeProto.domain(in.text());
        case 2 -> version = in.integer();
        default -> in.skip();
      }
    }
    opsets.put(domain, version);
    return opsets;
  }
}
