package dev.gamelan.onnx.proto;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An operator that the model defines itself, by nodes. */
public record FunctionProto(
    String name,
    String domain,
    String overload,
    List<String> inputs,
    List<String> outputs,
    Map<String, AttributeProto> defaults,
    List<NodeProto> nodes,
    Map<String, Long> opsets) {

  static FunctionProto parse(WireReader in) {
    var name = "";
    var domain = "";
    var overload = "";
    var inputs = new ArrayList<String>();
    var outputs = new ArrayList<String>();
    var defaults = new LinkedHashMap<String, AttributeProto>();
    var nodes = new ArrayList<NodeProto>();
    var opsets = new LinkedHashMap<String, Long>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> name = in.text();
        case 4 -> inputs.add(in.text());
        case 5 -> outputs.add(in.text());
        case 7 -> nodes.add(in.message(NodeProto::parse));
        case 9 -> in.message(message -> ModelProto.opset(message, opsets));
        case 10 -> domain = NodeProto.domain(in.text());
        case 11 -> {
          var attribute = in.message(AttributeProto::parse);
          defaults.put(attribute.name(), attribute);
        }
        case 13 -> overload = in.text();
        default -> in.skip();
      }
    }
    return new FunctionProto(name, domain, overload, inputs, outputs, defaults, nodes, opsets);
  }
}
