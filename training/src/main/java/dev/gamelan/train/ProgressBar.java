package dev.gamelan.train;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;

/** A bar that is redrawn on a terminal; elsewhere a line for each epoch. */
public final class ProgressBar implements TrainingListener {
  private static final int WIDTH = 24;
  private static final long REDRAW_NANOS = Duration.ofMillis(100).toNanos();

  private final PrintStream out;
  private final boolean redraws;
  private long epochStart = System.nanoTime();
  private long lastDrawn;

  public ProgressBar(PrintStream out, boolean redraws) {
    this.out = out;
    this.redraws = redraws;
  }

  /** On standard output, redrawn if that is a terminal. */
  @SuppressWarnings("SystemConsoleNull") // It is null where output is redirected, in 25 too.
  public static ProgressBar standard() {
    var console = System.console();
    return new ProgressBar(System.out, console != null && console.isTerminal());
  }

  @Override
  public void afterBatch(int epoch, long batch, long batches, float loss) {
    long now = System.nanoTime();
    if (!redraws || (now - lastDrawn < REDRAW_NANOS && batch + 1 < batches)) return;
    lastDrawn = now;
    int filled = (int) (WIDTH * (batch + 1) / batches);
    double perSecond = (batch + 1) / seconds(now);
    out.printf(
        Locale.ROOT,
        "\repoch %d %s%s %d/%d  loss %.4f  %.1f batches/s  %.0f s left ",
        epoch + 1,
        "█".repeat(filled),
        "░".repeat(WIDTH - filled),
        batch + 1,
        batches,
        loss,
        perSecond,
        (batches - batch - 1) / perSecond);
    out.flush();
  }

  @Override
  public void afterEpoch(int epoch, int epochs, float loss) {
    long now = System.nanoTime();
    out.printf(
        Locale.ROOT,
        "%sepoch %d/%d  loss %.4f  %.1f s%n",
        redraws ? "\r\033[K" : "",
        epoch + 1,
        epochs,
        loss,
        seconds(now));
    epochStart = System.nanoTime();
  }

  private double seconds(long now) {
    return Math.max(now - epochStart, 1) / 1e9;
  }
}
