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
 * @param type the schema's number of the field that counts; 0 in old files, which do not say
 * @param reference in a function: the name of the function's attribute that stands here, or ""
 */
public record AttributeProto(
    String name,
    int type,
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
  private static final int FLOAT = 1;
  private static final int INT = 2;
  private static final int STRING = 3;
  private static final int FLOATS = 6;
  private static final int INTS = 7;
  private static final int STRINGS = 8;

  static AttributeProto parse(WireReader in) {
    var name = "";
    int type = 0;
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
        case 20 -> type = (int) in.integer();
        case 21 -> reference = in.text();
        case 22 -> sparseTensor = in.message(SparseTensorProto::parse);
        default -> in.skip();
      }
    }
    return new AttributeProto(
        name,
        type,
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

  @Override
  public float number() {
    return checked(number, FLOAT, "a number");
  }

  @Override
  public long integer() {
    return checked(integer, INT, "an integer");
  }

  /** The text as a string. */
  public String string() {
    var bytes = checked(text, STRING, "a text").toArray(ValueLayout.JAVA_BYTE);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public List<Float> numbers() {
    return checked(numbers, FLOATS, "a list of numbers");
  }

  @Override
  public List<Long> integers() {
    return checked(integers, INTS, "a list of integers");
  }

  @Override
  public List<String> texts() {
    return checked(texts, STRINGS, "a list of texts");
  }

  private <T> T checked(T value, int wanted, String what) {
    if (type == wanted || type == 0) return value;
    throw new IllegalArgumentException(
        "the attribute '%s' needs %s; the file has type %d of the schema for it"
            .formatted(name, what, type));
  }
}
