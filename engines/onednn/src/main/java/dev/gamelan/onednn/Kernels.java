package dev.gamelan.onednn;

import dev.gamelan.engine.EngineException;
import dev.gamelan.onednn.code.Cpu;
import dev.gamelan.onednn.code.Isa;
import dev.gamelan.onednn.dnnl.Dnnl;
import dev.gamelan.onednn.dnnl.DnnlException;
import dev.gamelan.onednn.dnnl.DnnlPrimitive;
import dev.gamelan.onednn.dnnl.Layout;
import dev.gamelan.onednn.kernel.CompiledKernel;
import dev.gamelan.onednn.kernel.Kernel;
import dev.gamelan.onednn.kernel.MatmulKernel;
import dev.gamelan.onednn.kernel.QuantizedGemvKernel;
import dev.gamelan.onednn.kernel.RowInterleaving;
import dev.gamelan.onednn.kernel.StridedCopyKernel;
import dev.gamelan.onednn.kernel.TransposeKernel;
import dev.gamelan.onednn.kernel.WinogradKernel;
import dev.gamelan.type.DType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The kernels and primitives of a device: made once, shared by all executables, the least used
 * forgotten.
 */
final class Kernels {
  private static final int CAPACITY = 2048;

  private record TwoRows(KernelRecipe recipe, Set<Integer> shared) {
    TwoRows {
      shared = Set.copyOf(shared);
    }
  }

  private final Cpu cpu;
  private final int threads;
  private final Library library;
  private final Map<List<Object>, Optional<DnnlPrimitive>> primitives = bounded();
  private final Map<Kernel, CompiledKernel> compiled = bounded();
  private final Map<KernelRecipe, CompiledKernel> ofRecipes = bounded();
  private final Map<TwoRows, CompiledKernel> ofTwoRows = bounded();
  private final Map<List<Integer>, StridedCopyKernel> copies = bounded();

  private final Map<QuantizedGemvKernel.Variant, QuantizedGemvKernel> gemvs = bounded();

  private @Nullable MatmulKernel matmul;
  private @Nullable TransposeKernel transpose;
  private @Nullable WinogradKernel winograd;

  Kernels(Cpu cpu, int threads, Library library) {
    this.cpu = cpu;
    this.threads = threads;
    this.library = library;
  }

  Isa isa() {
    return cpu.isa();
  }

  Optional<Dnnl> dnnl() {
    return library.dnnl();
  }

  boolean hasVnni() {
    return cpu.has("vnni");
  }

  int threads() {
    return threads;
  }

  /** Whether the library has fast products of these dtypes; those of f32 we have ourselves. */
  boolean multiplies(DType left, DType right) {
    if (dnnl().isEmpty()) return false;
    if (left.isFloat()) return left == right && inLibrary(left);
    // Weights are signed; and without VNNI oneDNN's sums of two products saturate at 16 bits.
    return (left == DType.I8 || left == DType.U8) && right == DType.I8 && hasVnni();
  }

  private boolean inLibrary(DType dtype) {
    return dtype == DType.F32 || (dtype == DType.BF16 && cpu.isa() == Isa.AVX512);
  }

  synchronized CompiledKernel compiled(KernelRecipe recipe) {
    return ofRecipes.computeIfAbsent(recipe, r -> compiled(r.kernel(cpu.isa())));
  }

  /** Which writes past the caches. */
  synchronized CompiledKernel streaming(KernelRecipe recipe) {
    return compiled(recipe.kernel(cpu.isa()).streaming());
  }

  /** Of two rows at a time, which share some operands. */
  synchronized CompiledKernel ofTwoRows(KernelRecipe recipe, Set<Integer> shared) {
    return ofTwoRows.computeIfAbsent(
        new TwoRows(recipe, shared),
        key -> compiled(RowInterleaving.of(recipe.kernel(cpu.isa()), 2, shared)));
  }

  synchronized CompiledKernel compiled(Kernel kernel) {
    return compiled.computeIfAbsent(
        kernel, k -> CompiledKernel.of(k, cpu.isa()).orElseThrow(Kernels::refused));
  }

  synchronized StridedCopyKernel stridedCopy(int elementBytes, int outerLoops) {
    return copies.computeIfAbsent(
        List.of(elementBytes, outerLoops),
        k -> StridedCopyKernel.of(elementBytes, outerLoops).orElseThrow(Kernels::refused));
  }

  /** The product of f32 matrices. */
  synchronized MatmulKernel matmul() {
    if (matmul == null) matmul = MatmulKernel.of(cpu.isa()).orElseThrow(Kernels::refused);
    return matmul;
  }

  /** The transpose of matrices of 4-byte elements. */
  synchronized TransposeKernel transpose() {
    if (transpose == null) transpose = TransposeKernel.of().orElseThrow(Kernels::refused);
    return transpose;
  }

  /** The transforms of a convolution of 3 by 3; AVX-512. */
  synchronized WinogradKernel winograd() {
    if (winograd == null) winograd = WinogradKernel.of().orElseThrow(Kernels::refused);
    return winograd;
  }

  synchronized QuantizedGemvKernel quantizedGemv(QuantizedGemvKernel.Variant variant) {
    return gemvs.computeIfAbsent(
        variant, v -> QuantizedGemvKernel.of(v).orElseThrow(Kernels::refused));
  }

  private static EngineException refused() {
    return new EngineException("the system gives no executable memory");
  }

  /** oneDNN's matmul for these layouts; empty where it has none that is fast. */
  synchronized Optional<DnnlPrimitive> matmul(
      Layout src, Layout weights, Layout dst, Optional<DType> packed) {
    return primitive(
        List.of(src, weights, dst, packed), library -> library.matmul(src, weights, dst, packed));
  }

  synchronized Optional<DnnlPrimitive> convolution(
      Dnnl.Convolution kind,
      Layout x,
      Layout filter,
      Layout y,
      Dnnl.Window window,
      Optional<DType> packed) {
    return primitive(
        List.of(kind, x, filter, y, window, packed),
        library -> library.convolution(kind, x, filter, y, window, packed));
  }

  private Optional<DnnlPrimitive> primitive(
      List<Object> key, Function<Dnnl, DnnlPrimitive> create) {
    var dnnl = dnnl();
    if (dnnl.isEmpty()) return Optional.empty();
    return primitives.computeIfAbsent(
        key,
        k -> {
          try {
            return Optional.of(create.apply(dnnl.get()));
          } catch (DnnlException e) {
            return Optional.empty(); // It has no implementation; another step does it.
          }
        });
  }

  private static <K, V> Map<K, V> bounded() {
    return new LinkedHashMap<>(16, 0.75f, true) {
      @Override
      protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
        return size() > CAPACITY;
      }
    };
  }
}
