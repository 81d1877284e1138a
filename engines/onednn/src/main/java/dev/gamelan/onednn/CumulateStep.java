package dev.gamelan.onednn;

import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.ReduceKind;
import dev.gamelan.type.DType;
import java.util.List;

/** Running sums, products, maxima and minima along the middle axis of [outer, size, inner]. */
record CumulateStep(
    Primitive.Cumulate op,
    DType dtype,
    Storage from,
    Storage to,
    long outer,
    int size,
    long inner,
    int threads)
    implements Step {

  /** Elements below which waking another thread does not pay. */
  private static final long WORTH_SHARING = 1 << 15;

  private long lines() {
    return outer * inner;
  }

  @Override
  public int parts() {
    return lines() * size < WORTH_SHARING ? 1 : (int) Math.min(threads, lines());
  }

  @Override
  public void run(Run run, int part) {
    var source = new Elements(run.memory(from), dtype);
    var target = new Elements(run.memory(to), dtype);
    var floats = new double[dtype.isFloat() ? size : 0];
    var integers = new long[dtype.isFloat() ? 0 : size];
    for (long i = lines() * part / parts(); i < lines() * (part + 1) / parts(); i++) {
      long begin = i / inner * size * inner + i % inner;
      long first = op.reverse() ? begin + (size - 1) * inner : begin;
      long stride = op.reverse() ? -inner : inner;
      if (dtype.isFloat()) {
        source.read(first, stride, floats);
        cumulate(floats);
        target.write(first, stride, floats);
      } else {
        source.read(first, stride, integers);
        cumulate(integers);
        target.write(first, stride, integers);
      }
    }
  }

  private void cumulate(double[] line) {
    double sum = op.kind().identity(dtype).toDouble();
    for (int i = 0; i < line.length; i++) {
      double next =
          switch (op.kind()) {
            case SUM -> sum + line[i];
            case PROD -> sum * line[i];
            case MAX -> Math.max(sum, line[i]);
            case MIN -> Math.min(sum, line[i]);
            case AND, OR -> throw neither();
          };
      line[i] = op.exclusive() ? sum : next;
      sum = next;
    }
  }

  private void cumulate(long[] line) {
    long sum = op.kind().identity(dtype).toLong();
    for (int i = 0; i < line.length; i++) {
      long next =
          switch (op.kind()) {
            case SUM -> sum + line[i];
            case PROD -> sum * line[i];
            case MAX, MIN -> (op.kind() == ReduceKind.MAX) == less(sum, line[i]) ? line[i] : sum;
            case AND, OR -> throw neither();
          };
      line[i] = op.exclusive() ? sum : next;
      sum = next;
    }
  }

  private IllegalStateException neither() {
    return new IllegalStateException(op.kind() + " does not cumulate");
  }

  private boolean less(long a, long b) {
    return dtype == DType.U64 ? Long.compareUnsigned(a, b) < 0 : a < b;
  }

  @Override
  public List<Storage> storages() {
    return List.of(from, to);
  }

  @Override
  public String explain() {
    return "cumulate   %s %s, %d lines of %d, %d thread%s"
        .formatted(op.kind(), dtype, lines(), size, parts(), parts() == 1 ? "" : "s");
  }
}
