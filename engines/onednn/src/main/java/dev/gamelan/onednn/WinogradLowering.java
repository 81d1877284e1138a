package dev.gamelan.onednn;

import dev.gamelan.engine.CompileOptions;
import dev.gamelan.ir.Graph;
import dev.gamelan.ir.Node;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.Value;
import dev.gamelan.ir.Window;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.kernel.WinogradKernel;
import dev.gamelan.type.DType;
import dev.gamelan.type.Shape;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Turns a convolution of 3 by 3 with weights that last into a {@link WinogradStep}. */
final class WinogradLowering {
  /** Fewer tiles would read more filters than they save multiplications. */
  private static final long FEWEST_TILES = 16;

  /** Fewer channels, or filters, are transformed more than multiplied. */
  private static final long FEWEST_CHANNELS = 64;

  /** A row of tiles that takes more is no longer in a cache when it is multiplied. */
  private static final long MOST_ROW_BYTES = 4 << 20;

  /** Rows of tiles are divided where each thread gets so many tiles; else filters are. */
  private static final long TILES_OF_A_THREAD = 64;

  /** How much more than the mean a thread may have to do, that filters are not divided instead. */
  private static final double IMBALANCE = 1.05;

  private static final List<Long> ONES = List.of(1L, 1L);

  /** What a step says of itself. */
  private record What(TensorType picture, TensorType filter, double flops) {
    @Override
    public String toString() {
      return "convolution %s with %s, %.2g flop".formatted(picture, filter, flops);
    }
  }

  private final Lowering lowering;
  private final Kernels kernels;

  WinogradLowering(Lowering lowering, Kernels kernels) {
    this.lowering = lowering;
    this.kernels = kernels;
  }

  /**
   * Whether a node is a convolution that is faster so: of 3 by 3, at each pixel, of enough of them,
   * with a filter that lasts.
   */
  static boolean takes(Node node, Graph graph, Kernels kernels, CompileOptions options) {
    if (!(node.op() instanceof Primitive.Convolution op) || op.groups() != 1) return false;
    if (kernels.isa() != Isa.AVX512) return false;
    var filter = node.inputs().get(1);
    var types = List.of(node.inputs().get(0).type(), filter.type(), node.result().type());
    return types.stream().allMatch(type -> type.dtype() == DType.F32)
        && options.lasting().contains(graph.inputs().indexOf(filter))
        && seesNeighbours(op.window(), filter.shape())
        && pays(filter.shape(), node.result().shape(), kernels.matmul().blockColumns());
  }

  private static boolean seesNeighbours(Window window, Shape filter) {
    boolean crops =
        Stream.of(window.low(), window.high()).flatMap(List::stream).anyMatch(pad -> pad < 0);
    return filter.range(2, filter.rank()).toList().equals(List.of(3L, 3L))
        && Stream.of(window.strides(), window.dilation()).allMatch(ONES::equals)
        && !crops;
  }

  private static boolean pays(Shape filter, Shape y, int panel) {
    long filters = filter.dim(0);
    long channels = filter.dim(1);
    long columns = tiles(y.dim(3));
    return filters % panel == 0
        && channels % WinogradKernel.LANES == 0
        && channels >= FEWEST_CHANNELS
        && y.dim(0) * tiles(y.dim(2)) * columns >= FEWEST_TILES
        && columns * WinogradKernel.PLANES * (channels + filters) * Float.BYTES <= MOST_ROW_BYTES;
  }

  private static long tiles(long results) {
    return Math.ceilDiv(results, (long) WinogradKernel.RESULTS);
  }

  /** The step of a node that it takes. */
  Step lower(Node node) {
    if (!(node.op() instanceof Primitive.Convolution op)) throw new IllegalArgumentException();
    var x = node.inputs().get(0);
    var filter = node.inputs().get(1);
    var y = node.result();
    int panel = kernels.matmul().blockColumns();
    var window = op.window();
    var convolution =
        new WinogradStep.Convolution(
            read(x),
            pictures(lowering.view(y), lowering.place(y)),
            x.shape().dim(0),
            window.low().get(0),
            window.low().get(1));
    long filters = filter.shape().dim(0);
    var parts = parts(convolution, filters / panel);
    var what =
        new What(x.type(), filter.type(), 2.0 * y.type().size() * filter.type().size() / filters);
    return new WinogradStep(
        kernels,
        convolution,
        lowering.place(filter),
        new WinogradPacking(filters, filter.shape().dim(1), panel),
        parts,
        lowering.reserveArguments(parts.size() * WinogradStep.ARGUMENTS),
        what);
  }

  /** Pictures with dense channels, copied if they do not lie so. */
  private WinogradStep.Pictures read(Value x) {
    var view = lowering.view(x);
    if (view.stride(1) == 1 && view.strides().stream().allMatch(stride -> stride > 0)) {
      return pictures(view, lowering.place(view.base()));
    }
    var copy = lowering.temporary(x.type().bytes());
    lowering.copy(view.transpose(ChannelsLast.toLast(x.rank())), copy);
    return pictures(View.channelsLast(x), copy);
  }

  private static WinogradStep.Pictures pictures(View view, Storage storage) {
    return new WinogradStep.Pictures(
        storage,
        view.offset() * Float.BYTES,
        view.shape().dim(2),
        view.shape().dim(3),
        view.shape().dim(1),
        view.stride(0) * Float.BYTES,
        view.stride(2) * Float.BYTES,
        view.stride(3) * Float.BYTES);
  }

  private List<WinogradStep.Part> parts(WinogradStep.Convolution convolution, long panels) {
    int threads = kernels.threads();
    long rows = convolution.count() * convolution.tileRows();
    long each = Math.ceilDiv(rows, Math.min(threads, rows));
    long some = Math.ceilDiv(panels, Math.min(threads, panels));
    double longest = Math.max(IMBALANCE / threads, (double) some / panels);
    boolean inRows =
        each * convolution.tileColumns() >= TILES_OF_A_THREAD && each <= rows * longest;
    var parts = new ArrayList<WinogradStep.Part>();
    if (inRows) {
      for (long row = 0; row < rows; row += each) {
        parts.add(new WinogradStep.Part(row, Math.min(each, rows - row), 0, panels));
      }
    } else {
      for (long panel = 0; panel < panels; panel += some) {
        parts.add(new WinogradStep.Part(0, rows, panel, Math.min(some, panels - panel)));
      }
    }
    return parts;
  }
}
