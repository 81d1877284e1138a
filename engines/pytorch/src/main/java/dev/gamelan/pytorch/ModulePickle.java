package dev.gamelan.pytorch;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.io.ByteArrayOutputStream;
import java.util.List;

/**
 * The one object of an archive, as {@code torch.jit} pickles it (protocol 2): its attributes are
 * {@code training}, which is false, and tensors, whose elements lie in storages beside it.
 */
final class ModulePickle {
  private static final int PROTOCOL = 0x80;
  private static final int NEW_OBJECT = 0x81;
  private static final int FALSE = 0x89;
  private static final int LONG = 0x8a;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private ModulePickle() {}

  /** The tensor in position i has storage i. */
  static byte[] of(List<TorchScriptArchive.Attribute> attributes) {
    var pickle = new ModulePickle();
    pickle.code(PROTOCOL, 2).global("__torch__", "M").code(')', NEW_OBJECT, '}', '(');
    pickle.text("training").code(FALSE);
    for (int i = 0; i < attributes.size(); i++) {
      pickle.text(attributes.get(i).name()).tensor(attributes.get(i).type(), i);
    }
    return pickle.code('u', 'b', '.').out.toByteArray();
  }

  private ModulePickle tensor(TensorType type, int storage) {
    global("torch._utils", "_rebuild_tensor_v2").code('(');
    code('(').text("storage").global("torch", storageClass(type.dtype()));
    text(Integer.toString(storage)).text("cpu").number(type.size()).code('t', 'Q');
    number(0).numbers(type.shape().dims()).numbers(type.shape().strides()).code(FALSE);
    return global("collections", "OrderedDict").code(')', 'R', 't', 'R');
  }

  private ModulePickle numbers(long[] numbers) {
    code('(');
    for (long number : numbers) number(number);
    return code('t');
  }

  private ModulePickle number(long number) {
    code(LONG, Long.BYTES);
    for (int i = 0; i < Long.BYTES; i++) out.write((int) (number >>> (8 * i)));
    return this;
  }

  private ModulePickle text(String text) {
    var bytes = text.getBytes(UTF_8);
    code('X');
    for (int i = 0; i < Integer.BYTES; i++) out.write(bytes.length >>> (8 * i));
    out.writeBytes(bytes);
    return this;
  }

  private ModulePickle global(String module, String name) {
    out.writeBytes("c%s\n%s\n".formatted(module, name).getBytes(UTF_8));
    return this;
  }

  private ModulePickle code(int... codes) {
    for (int code : codes) out.write(code);
    return this;
  }

  private static String storageClass(DType dtype) {
    return switch (dtype) {
      case F32 -> "FloatStorage";
      case F64 -> "DoubleStorage";
      case F16 -> "HalfStorage";
      case BF16 -> "BFloat16Storage";
      case I8 -> "CharStorage";
      case U8 -> "ByteStorage";
      case I16 -> "ShortStorage";
      case I32 -> "IntStorage";
      case I64 -> "LongStorage";
      case BOOL -> "BoolStorage";
      default -> throw new IllegalArgumentException("PyTorch has no tensors of " + dtype);
    };
  }
}
