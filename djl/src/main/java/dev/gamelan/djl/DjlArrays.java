package dev.gamelan.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.gamelan.exchange.HostTensor;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Tensors from DJL's arrays and back, for f32 f64 f16 i8 u8 i32 i64 bool. Both ways copy, but for
 * {@link #toSharedArray}. The other way nothing is shared: an array that DJL made from Java's data
 * lies in a buffer that its closing lets go.
 */
public final class DjlArrays {
  /** DJL's PyTorch ends the process when it is given one of the others that DJL has names for. */
  private static final Map<DType, DataType> DTYPES =
      new EnumMap<>(
          Map.of(
              DType.F32, DataType.FLOAT32,
              DType.F64, DataType.FLOAT64,
              DType.F16, DataType.FLOAT16,
              DType.I8, DataType.INT8,
              DType.U8, DataType.UINT8,
              DType.I32, DataType.INT32,
              DType.I64, DataType.INT64,
              DType.BOOL, DataType.BOOLEAN));

  private DjlArrays() {}

  /**
   * A tensor of the array's elements, on the device of the calling thread's scope.
   *
   * @throws IllegalArgumentException if the array is of another dtype, or sparse
   */
  public static Tensor toTensor(NDArray array) {
    var elements = elements(array);
    return Tensor.of(elements.type(), elements.bytes());
  }

  static HostTensor toHostTensor(NDArray array) {
    var elements = elements(array);
    var copy = HostTensor.allocate(elements.type());
    copy.bytes().copyFrom(elements.bytes());
    return copy;
  }

  /** Where the array's elements lie, which is its own. */
  private static HostTensor elements(NDArray array) {
    if (array.isSparse()) throw new IllegalArgumentException("a sparse array; make it dense first");
    var type =
        new TensorType(
            dtype(array.getDataType()), dev.gamelan.type.Shape.of(array.getShape().getShape()));
    return new HostTensor(type, MemorySegment.ofBuffer(array.toByteBuffer(true).rewind()));
  }

  /** The tensors of a list, in its order. */
  public static List<Tensor> toTensors(NDList arrays) {
    return arrays.stream().map(DjlArrays::toTensor).toList();
  }

  /**
   * An array of the tensor's elements that {@code manager} frees; evaluates the tensor.
   *
   * @throws IllegalArgumentException if the tensor is of another dtype, or of more than 2 GiB
   */
  public static NDArray toArray(Tensor tensor, NDManager manager) {
    var bytes = bytes(tensor.type());
    tensor.read(MemorySegment.ofBuffer(bytes));
    return array(tensor.type(), bytes, manager);
  }

  /**
   * As {@link #toArray}, but where the tensor and the manager are both PyTorch's, in the tensor's
   * memory, which stays until both are freed. The array must not be written, as by {@code addi}: a
   * tensor does not change. Nor is it one to differentiate: of most, PyTorch says so. A tensor of
   * up to 1 KiB is copied.
   */
  public static NDArray toSharedArray(Tensor tensor, NDManager manager) {
    dataType(tensor.dtype());
    boolean both =
        tensor.device().engine().equals("pytorch")
            && manager.getEngine().getEngineName().equals("PyTorch");
    return both
        ? SharedArray.of(tensor, manager).orElseGet(() -> toArray(tensor, manager))
        : toArray(tensor, manager);
  }

  static NDArray toArray(HostTensor tensor, NDManager manager) {
    var bytes = bytes(tensor.type());
    MemorySegment.ofBuffer(bytes).copyFrom(tensor.bytes());
    return array(tensor.type(), bytes, manager);
  }

  private static ByteBuffer bytes(TensorType type) {
    dataType(type.dtype());
    if (type.bytes() > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          type + " is of more than 2 GiB, which no buffer of DJL's is");
    }
    return ByteBuffer.allocateDirect((int) type.bytes()).order(ByteOrder.nativeOrder());
  }

  private static NDArray array(TensorType type, ByteBuffer bytes, NDManager manager) {
    return manager.create(bytes, new Shape(type.shape().dims()), dataType(type.dtype()));
  }

  /** The arrays of some tensors, in their order. */
  public static NDList toArrays(List<Tensor> tensors, NDManager manager) {
    var arrays = new NDList(tensors.size());
    for (var tensor : tensors) arrays.add(toArray(tensor, manager));
    return arrays;
  }

  private static DType dtype(DataType type) {
    for (var pair : DTYPES.entrySet()) if (pair.getValue() == type) return pair.getKey();
    throw new IllegalArgumentException(
        "an array of %s; of those that pass there are %s: convert it first"
            .formatted(type, DTYPES.values()));
  }

  private static DataType dataType(DType dtype) {
    var type = DTYPES.get(dtype);
    if (type != null) return type;
    throw new IllegalArgumentException(
        "a tensor of %s; of those that pass there are %s: convert it first"
            .formatted(dtype, DTYPES.keySet()));
  }
}
