package dev.gamelan.onnx.proto;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One use of an operator or function.
 *
 * @param inputs names; an empty one is an optional input that is not given
 * @param domain that of the operator; "" is the standard's own
 */
public record NodeProto(
    String name,
    String opType,
    String domain,
    String overload,
    List<String> inputs,
    List<String> outputs,
    Map<String, AttributeProto> attributes) {

  static NodeProto parse(WireReader in) {
    var name = "";
    var opType = "";
    var domain = "";
    var overload = "";
    var inputs = new ArrayList<String>();
    var outputs = new ArrayList<String>();
    var attributes = new LinkedHashMap<String, AttributeProto>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> inputs.add(in.text());
        case 2 -> outputs.add(in.text());
        case 3 -> name = in.text();
        case 4 -> opType = in.text();
        case 5 -> {
          var attribute = in.message(AttributeProto::parse);
          attributes.put(attribute.name(), attribute);
        }
        case 7 -> domain = domain(in.text());
        case 8 -> overload = in.text();
        default -> in.skip();
      }
    }
    return new NodeProto(name, opType, domain, overload, inputs, outputs, attributes);
  }

  /** The standard's own domain has two names. */
  static String domain(String name) {
    return name.equals("ai.onnx") ? "" : name;
  }

  /** The operator with its domain, such as {@code Relu} or {@code com.microsoft.Gelu}. */
  public String operator() {
    return domain.isEmpty() ? opType : domain + "." + opType;
  }
}
