package dev.gamelan.onednn;

import dev.gamelan.onednn.kernel.MatmulKernel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/** Products of f32 matrices by our own kernel, divided among the threads. */
final class MatmulStep implements Step {
  /** A matrix: strides in bytes, batch strides first, then those of rows and columns. */
  record Matrix(Storage storage, long offset, List<Long> dims, List<Long> strides) {
    long rows() {
      return dims.get(dims.size() - 2);
    }

    long columns() {
      return dims.getLast();
    }

    long rowStride() {
      return strides.get(strides.size() - 2);
    }

    long columnStride() {
      return strides.getLast();
    }

    /** The bytes to matrix {@code index} of the batch. */
    long start(long index) {
      if (index == 0) return offset;
      long start = offset;
      long rest = index;
      for (int axis = dims.size() - 3; axis >= 0; axis--) {
        start += rest % dims.get(axis) * strides.get(axis);
        rest /= dims.get(axis);
      }
      return start;
    }

    long batch() {
      long batch = 1;
      for (long dim : dims.subList(0, dims.size() - 2)) batch *= dim;
      return batch;
    }

    /** One after the last byte it has. */
    private long end() {
      long end = offset + 4;
      for (int axis = 0; axis < dims.size(); axis++) {
        end += (dims.get(axis) - 1) * strides.get(axis);
      }
      return end;
    }

    void checkBounds(Object what) {
      if (offset < 0 || end() > storage.bytes) {
        throw new IllegalStateException(
            "%s would reach byte %d of %d".formatted(what, end(), storage.bytes));
      }
    }
  }

  /** The matrices of one thread. */
  record Part(Matrix a, Matrix b, Matrix c) {}

  private final MatmulKernel kernel;
  private final List<Part> parts;
  private final long[] batches;
  private final int firstArgument;
  private final Object what;

  MatmulStep(MatmulKernel kernel, List<Part> parts, int firstArgument, Object what) {
    this.kernel = kernel;
    this.parts = List.copyOf(parts);
    this.batches = parts.stream().mapToLong(part -> part.c.batch()).toArray();
    this.firstArgument = firstArgument;
    this.what = what;
    for (var part : parts) {
      for (var matrix : List.of(part.a, part.b, part.c)) matrix.checkBounds(what);
    }
  }

  /** The same, whose result lies elsewhere; empty where the kernel could not write it there. */
  Optional<MatmulStep> relocated(Relocation relocation) {
    var moved = new ArrayList<Part>();
    for (var part : parts) {
      var c = relocation.of(part.c);
      if (c.isEmpty()) return Optional.empty();
      moved.add(new Part(part.a, part.b, c.get()));
    }
    return Optional.of(new MatmulStep(kernel, moved, firstArgument, what));
  }

  @Override
  public int parts() {
    return parts.size();
  }

  @Override
  public void prepare(Run run) {
    for (int i = 0; i < parts.size(); i++) {
      var part = parts.get(i);
      long at = at(i);
      run.set(at + MatmulKernel.M, part.c.rows());
      run.set(at + MatmulKernel.N, part.c.columns());
      run.set(at + MatmulKernel.K, part.a.columns());
      run.set(at + MatmulKernel.A_ROW_STRIDE, part.a.rowStride());
      run.set(at + MatmulKernel.A_COLUMN_STRIDE, part.a.columnStride());
      run.set(at + MatmulKernel.B_ROW_STRIDE, part.b.rowStride());
      run.set(at + MatmulKernel.B_BLOCK_STRIDE, (long) kernel.blockColumns() * Float.BYTES);
      run.set(at + MatmulKernel.AHEAD, 0);
      run.set(at + MatmulKernel.AHEAD_STRIDE, 0);
      run.set(at + MatmulKernel.ADDS, 0);
      run.set(at + MatmulKernel.C_ROW_STRIDE, part.c.rowStride());
    }
  }

  @Override
  public void run(Run run, int index) {
    var part = parts.get(index);
    long at = at(index);
    long batch = batches[index];
    for (long i = 0; i < batch; i++) {
      run.set(at + MatmulKernel.A, run.address(part.a.storage) + part.a.start(i));
      run.set(at + MatmulKernel.B, run.address(part.b.storage) + part.b.start(i));
      run.set(at + MatmulKernel.C, run.address(part.c.storage) + part.c.start(i));
      kernel.run(run.argumentAddress(at));
    }
  }

  private long at(int part) {
    return firstArgument + (long) part * MatmulKernel.ARGUMENTS;
  }

  @Override
  public List<Storage> storages() {
    var result = new LinkedHashSet<Storage>();
    for (var part : parts) {
      result.addAll(List.of(part.a.storage, part.b.storage, part.c.storage));
    }
    return List.copyOf(result);
  }

  @Override
  public String explain() {
    int count = parts.size();
    return "matmul     %s, %d thread%s".formatted(what, count, count == 1 ? "" : "s");
  }
}
