package dev.gamelan.onnx.proto;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An attribute of a node; which of the fields counts follows from the operator.
 *
 * @param reference in a function: the name of the function's attribute that stands here, or ""
 */
public record AttributeProto(
    String name,
    String reference,
    float number,
    long integer,
    MemorySegment text,
    @Nullable TensorProto tensor,
    @Nullable GraphProto graph,
    @Nullable SparseTensorProto sparseTensor,
    List<Float> numbers,
    List<Long> integers,
    List<String> texts) {

  static AttributeProto parse(WireReader in) {
    var name = "";
    var reference = "";
    float number = 0;
    long integer = 0;
    var text = MemorySegment.ofArray(new byte[0]);
    TensorProto tensor = null;
    GraphProto graph = null;
    SparseTensorProto sparseTensor = null;
    var numbers = new ArrayList<Float>();
    var integers = new ArrayList<Long>();
    var texts = new ArrayList<String>();
    while (in.next()) {
      switch (in.field()) {
        case 1 -> name = in.text();
        case 2 -> number = in.number();
        case 3 -> integer = in.integer();
        case 4 -> text = in.bytes();
        case 5 -> tensor = in.message(TensorProto::parse);
        case 6 -> graph = in.message(GraphProto::parse);
        case 7 -> in.words(bits -> numbers.add(Float.intBitsToFloat((int) bits)));
        case 8 -> in.integers(integers::add);
        case 9 -> texts.add(in.text());
        case 21 -> reference = in.text();
        case 22 -> sparseTensor = in.message(SparseTensorProto::parse);
        default -> in.skip();
      }
    }
    return new AttributeProto(
        name,
        reference,
        number,
        integer,
        text,
        tensor,
        graph,
        sparseTensor,
        numbers,
        integers,
        texts);
  }

  public String string() {
    return new String(text.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
  }
}
