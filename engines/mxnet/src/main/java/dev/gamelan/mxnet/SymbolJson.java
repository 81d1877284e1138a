package dev.gamelan.mxnet;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Set;

/**
 * Reads a symbol that nobody vouches for, and writes it anew: MXNet follows whatever index stands
 * in one, also past the end of its memory. Kept are nodes, in order, of attributes and inputs that
 * come before them.
 */
final class SymbolJson {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String VARIABLE = "null";

  /** Of a node; the others are old names of the same. */
  private static final List<String> ATTRIBUTES = List.of("attrs", "attr", "param");

  /** Ops with as many results as an attribute says. */
  private static final Set<String> SPLITS = Set.of("SliceChannel", "split");

  private final ArrayNode nodes = JSON.createArrayNode();

  private SymbolJson() {}

  /**
   * @throws IOException if it is no symbol, or has what can't be checked: graphs inside of nodes,
   *     or further results of an op that usually has one
   */
  static String checked(String text) throws IOException {
    try {
      return new SymbolJson().read(JSON.readTree(text));
    } catch (JsonProcessingException e) {
      throw new IOException("no JSON: " + e.getOriginalMessage(), e);
    }
  }

  private String read(JsonNode symbol) throws IOException {
    for (var node : array(symbol, "nodes")) nodes.add(node(node));
    var arguments = JSON.createArrayNode();
    for (int i = 0; i < nodes.size(); i++) if (isVariable(nodes.get(i))) arguments.add(i);
    var heads = JSON.createArrayNode();
    for (var head : array(symbol, "heads")) heads.add(entry(head));
    if (heads.isEmpty()) throw new IOException("a symbol without results");
    var whole = JSON.createObjectNode();
    whole.set("nodes", nodes);
    whole.set("arg_nodes", arguments);
    whole.set("heads", heads);
    var version = symbol.path("attrs").path("mxnet_version");
    if (version.path(1).isInt()) {
      var attributes = whole.putObject("attrs").putArray("mxnet_version");
      attributes.add("int").add(version.get(1).intValue());
    }
    return JSON.writeValueAsString(whole);
  }

  private ObjectNode node(JsonNode from) throws IOException {
    if (!from.path("op").isTextual() || !from.path("name").isTextual()) {
      throw new IOException("a node without an op or a name");
    }
    var name = from.get("name").textValue();
    if (!from.path("subgraphs").isEmpty()) {
      throw new IOException("'%s' has graphs inside, which can't be checked".formatted(name));
    }
    var node = JSON.createObjectNode();
    node.set("op", from.get("op"));
    node.set("name", from.get("name"));
    for (var key : ATTRIBUTES) {
      if (from.has(key)) node.set(key, attributes(from.get(key), name));
    }
    var inputs = JSON.createArrayNode();
    for (var input : array(from, "inputs")) inputs.add(entry(input));
    if (isVariable(from) && !inputs.isEmpty()) {
      throw new IOException("a variable '%s' with inputs".formatted(name));
    }
    node.set("inputs", inputs);
    return node;
  }

  private static JsonNode attributes(JsonNode attributes, String name) throws IOException {
    for (var value : attributes) {
      if (!value.isTextual())
        throw new IOException("an attribute of '%s' is no text".formatted(name));
    }
    if (!attributes.isObject())
      throw new IOException("the attributes of '%s' are none".formatted(name));
    return attributes;
  }

  /** A result of a node before: its index, the result's, and a version. */
  private ArrayNode entry(JsonNode from) throws IOException {
    int node = index(from.path(0));
    int result = index(from.path(1));
    int version = from.has(2) ? index(from.get(2)) : 0;
    if (node >= nodes.size()) throw new IOException("an input that does not come before: " + from);
    if (result >= results(nodes.get(node))) {
      throw new IOException(
          "result %d of %s, which is not known to have so many".formatted(result, nodes.get(node)));
    }
    return JSON.createArrayNode().add(node).add(result).add(version);
  }

  private static int index(JsonNode number) throws IOException {
    if (!number.isInt() || number.intValue() < 0) throw new IOException("no index: " + number);
    return number.intValue();
  }

  private static int results(JsonNode node) throws IOException {
    if (!SPLITS.contains(node.get("op").textValue())) return 1;
    for (var key : ATTRIBUTES) {
      var count = node.path(key).path("num_outputs");
      try {
        if (count.isTextual()) return Integer.parseInt(count.textValue());
      } catch (NumberFormatException e) {
        throw new IOException("num_outputs of a split: " + count, e);
      }
    }
    return 1;
  }

  private static boolean isVariable(JsonNode node) {
    return node.get("op").textValue().equals(VARIABLE);
  }

  private static JsonNode array(JsonNode object, String key) throws IOException {
    var array = object.path(key);
    if (!array.isArray()) throw new IOException("no array '%s'".formatted(key));
    return array;
  }
}
