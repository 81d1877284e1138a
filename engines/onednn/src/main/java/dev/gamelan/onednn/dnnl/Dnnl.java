package dev.gamelan.onednn.dnnl;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.gamelan.engine.NativeCache;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.type.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;

/**
 * oneDNN, one thread at a time: a primitive runs in the thread that calls it, and any number of
 * threads may run one at once.
 */
public final class Dnnl {
  /** Arguments of primitives. */
  public static final int SRC = 1;

  public static final int DST = 17;
  public static final int WEIGHTS = 33;
  public static final int DIFF_SRC = 129;
  public static final int DIFF_DST = 145;
  public static final int DIFF_WEIGHTS = 161;

  private static final String RESOURCES = "org/bytedeco/dnnl/linux-x86_64/";
  private static final int CPU = 1;
  private static final int FORWARD_INFERENCE = 96;
  private static final int DIRECT = 1;
  private static final int ANY = 1;
  private static final int USER_SCRATCHPAD = 1;

  /** Which of the three convolutions. */
  public enum Convolution {
    FORWARD,
    INPUT_GRADIENT,
    FILTER_GRADIENT
  }

  /** Strides, dilations (1 is dense) and padding, one for each spatial axis. */
  public record Window(List<Long> strides, List<Long> dilations, List<Long> low, List<Long> high) {}

  final DnnlBindings bindings;
  private final MemorySegment engine;
  private final MemorySegment attributes;
  private final Path folder;

  private Dnnl(DnnlBindings bindings, Path folder, Isa cap) {
    this.bindings = bindings;
    this.folder = folder;
    if (cap == Isa.AVX2) bindings.call("dnnl_set_max_cpu_isa", 7);
    engine = bindings.make("dnnl_engine_create", CPU, 0);
    attributes = bindings.make("dnnl_primitive_attr_create");
    bindings.call("dnnl_primitive_attr_set_scratchpad_mode", attributes, USER_SCRATCHPAD);
  }

  /**
   * Unpacks the library if need be, and loads it.
   *
   * @throws IOException saying why it can't be had
   */
  public static Dnnl load(Isa cap) throws IOException {
    if (!System.getProperty("os.name").equals("Linux")
        || !System.getProperty("os.arch").equals("amd64")) {
      throw new IOException("oneDNN comes for Linux on x86-64 only");
    }
    var cache =
        new NativeCache(
            RESOURCES,
            "dnnl-" + version() + "-linux-x86_64",
            "org.bytedeco:dnnl:" + version() + ":linux-x86_64");
    var folder = cache.unpacked(List.of("libgomp.so.1", "libdnnl.so.3"));
    try {
      return new Dnnl(new DnnlBindings(folder), folder, cap);
    } catch (IllegalArgumentException | NoSuchElementException | DnnlException e) {
      throw new IOException(folder + " does not load: " + e.getMessage(), e);
    }
  }

  /** Where the library was unpacked. */
  public Path folder() {
    return folder;
  }

  /** The version of the artifact, as the build knows it. */
  public static String version() {
    var properties = new Properties();
    try (var in = Dnnl.class.getResourceAsStream("dnnl.properties")) {
      properties.load(Objects.requireNonNull(in));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version");
  }

  /**
   * src [.., m, k] times weights [.., k, n]; the descriptor is what it fails on, if it does.
   *
   * @param packed the dtype in which the weights come from {@link DnnlPrimitive#weights}; empty if
   *     they come as they are
   */
  public DnnlPrimitive matmul(Layout src, Layout weights, Layout dst, Optional<DType> packed) {
    bindings.useOneThread();
    var handles = new NativeHandles(bindings);
    var descriptor =
        bindings.make(
            "dnnl_matmul_primitive_desc_create",
            engine,
            descriptor(handles, src),
            packed
                .map(dtype -> any(handles, weights.dims(), dtype))
                .orElseGet(() -> descriptor(handles, weights)),
            MemorySegment.NULL,
            descriptor(handles, dst),
            attributes);
    return new DnnlPrimitive(
        this,
        handles,
        handles.own(NativeHandles.Kind.PRIMITIVE_DESCRIPTOR, descriptor),
        List.of(
            new DnnlPrimitive.Argument(SRC, src, false, false),
            new DnnlPrimitive.Argument(WEIGHTS, weights, false, packed.isPresent()),
            new DnnlPrimitive.Argument(DST, dst, true, false)));
  }

  /**
   * A convolution of x [n, c, spatial…] with filter [o, c, spatial…] or [groups, o, c, spatial…] to
   * y, or one of its adjoints. Pictures have their channels last where oneDNN is fast so, else it
   * chooses; what comes otherwise is reordered.
   *
   * @param packed the dtype in which the filter comes from {@link DnnlPrimitive#weights}; empty if
   *     it comes as it is
   */
  public DnnlPrimitive convolution(
      Convolution kind, Layout x, Layout filter, Layout y, Window window, Optional<DType> packed) {
    try {
      return convolution(kind, x, filter, y, window, packed, true);
    } catch (DnnlException e) {
      return convolution(kind, x, filter, y, window, packed, false);
    }
  }

  private DnnlPrimitive convolution(
      Convolution kind,
      Layout x,
      Layout filter,
      Layout y,
      Window window,
      Optional<DType> packed,
      boolean channelsLast) {
    bindings.useOneThread();
    try (var arena = Arena.ofConfined()) {
      var handles = new NativeHandles(bindings);
      var xPicture = picture(handles, x, channelsLast);
      var yPicture = picture(handles, y, channelsLast);
      var filterAny = any(handles, filter.dims(), packed.orElse(filter.dtype()));
      var strides = longs(arena, window.strides);
      var dilations = longs(arena, window.dilations.stream().map(d -> d - 1).toList());
      var low = longs(arena, window.low);
      var high = longs(arena, window.high);
      var none = MemorySegment.NULL;
      // The adjoints are described as adjoints of a forward convolution.
      var ahead =
          bindings.make(
              "dnnl_convolution_forward_primitive_desc_create",
              engine,
              FORWARD_INFERENCE,
              DIRECT,
              xPicture,
              filterAny,
              none,
              yPicture,
              strides,
              dilations,
              low,
              high,
              attributes);
      handles.own(NativeHandles.Kind.PRIMITIVE_DESCRIPTOR, ahead);
      var descriptor =
          switch (kind) {
            case FORWARD -> ahead;
            case INPUT_GRADIENT ->
                bindings.make(
                    "dnnl_convolution_backward_data_primitive_desc_create",
                    engine,
                    DIRECT,
                    xPicture,
                    filterAny,
                    yPicture,
                    strides,
                    dilations,
                    low,
                    high,
                    ahead,
                    attributes);
            case FILTER_GRADIENT ->
                bindings.make(
                    "dnnl_convolution_backward_weights_primitive_desc_create",
                    engine,
                    DIRECT,
                    xPicture,
                    filterAny,
                    none,
                    yPicture,
                    strides,
                    dilations,
                    low,
                    high,
                    ahead,
                    attributes);
          };
      if (kind != Convolution.FORWARD) {
        handles.own(NativeHandles.Kind.PRIMITIVE_DESCRIPTOR, descriptor);
      }
      boolean toX = kind == Convolution.INPUT_GRADIENT;
      boolean toFilter = kind == Convolution.FILTER_GRADIENT;
      boolean toY = kind == Convolution.FORWARD;
      var arguments =
          List.of(
              new DnnlPrimitive.Argument(toX ? DIFF_SRC : SRC, x, toX, false),
              new DnnlPrimitive.Argument(
                  toFilter ? DIFF_WEIGHTS : WEIGHTS, filter, toFilter, packed.isPresent()),
              new DnnlPrimitive.Argument(toY ? DST : DIFF_DST, y, toY, false));
      return new DnnlPrimitive(this, handles, descriptor, arguments);
    }
  }

  private MemorySegment picture(NativeHandles handles, Layout layout, boolean channelsLast) {
    return channelsLast
        ? descriptor(handles, Layout.channelsLast(layout.dtype(), layout.dims()))
        : any(handles, layout.dims(), layout.dtype());
  }

  MemorySegment descriptor(NativeHandles handles, Layout layout) {
    try (var arena = Arena.ofConfined()) {
      int dtype = Layout.code(layout.dtype()).orElseThrow();
      return handles.own(
          NativeHandles.Kind.DESCRIPTOR,
          bindings.make(
              "dnnl_memory_desc_create_with_strides",
              layout.dims().size(),
              longs(arena, layout.dims()),
              dtype,
              longs(arena, layout.strides())));
    }
  }

  private MemorySegment any(NativeHandles handles, List<Long> dims, DType dtype) {
    try (var arena = Arena.ofConfined()) {
      int code = Layout.code(dtype).orElseThrow();
      return handles.own(
          NativeHandles.Kind.DESCRIPTOR,
          bindings.make(
              "dnnl_memory_desc_create_with_tag", dims.size(), longs(arena, dims), code, ANY));
    }
  }

  MemorySegment reorder(NativeHandles handles, MemorySegment from, MemorySegment to) {
    return handles.own(
        NativeHandles.Kind.PRIMITIVE_DESCRIPTOR,
        bindings.make("dnnl_reorder_primitive_desc_create", from, engine, to, engine, attributes));
  }

  MemorySegment primitive(NativeHandles handles, MemorySegment descriptor) {
    return handles.own(
        NativeHandles.Kind.PRIMITIVE, bindings.make("dnnl_primitive_create", descriptor));
  }

  /** A memory object without memory. */
  MemorySegment memory(NativeHandles handles, MemorySegment descriptor) {
    return handles.own(
        NativeHandles.Kind.MEMORY, bindings.make("dnnl_memory_create", descriptor, engine, 0L));
  }

  MemorySegment stream(NativeHandles handles) {
    return handles.own(NativeHandles.Kind.STREAM, bindings.make("dnnl_stream_create", engine, 1));
  }

  private static MemorySegment longs(Arena arena, List<Long> values) {
    return arena.allocateFrom(JAVA_LONG, values.stream().mapToLong(Long::longValue).toArray());
  }

  /** Whether oneDNN knows the dtype. */
  public static boolean knows(DType dtype) {
    return Layout.code(dtype).isPresent();
  }
}
