package dev.gamelan.train;

import java.io.PrintStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A bar with rate, time left, loss and the last metrics that is redrawn on a terminal, and a line
 * for each epoch. Elsewhere the lines only.
 */
public final class ProgressBar implements TrainingListener {
  private static final int WIDTH = 24;
  private static final long REDRAW_NANOS = Duration.ofMillis(100).toNanos();

  private static final int DEFAULT_COLUMNS = 80;

  private final PrintStream out;
  private final int columns;
  private final Map<String, Double> metrics = new LinkedHashMap<>();
  private long start = System.nanoTime();
  private long stepsBefore = -1;
  private long epochStart = start;
  private long lastDrawn;

  /**
   * @param columns of the terminal, since a line that wraps can't be redrawn; 0 where nothing can
   *     be
   */
  public ProgressBar(PrintStream out, int columns) {
    this.out = out;
    this.columns = columns;
  }

  /**
   * On standard output, redrawn if that is a terminal, which is taken to have as many columns as
   * the environment variable COLUMNS says, or 80.
   */
  @SuppressWarnings("SystemConsoleNull") // It is null where output is redirected, in 25 too.
  public static ProgressBar standard() {
    var console = System.console();
    boolean redraws = console != null && console.isTerminal();
    return new ProgressBar(System.out, redraws ? columns(System.getenv("COLUMNS")) : 0);
  }

  private static int columns(@Nullable String text) {
    return text != null && text.matches("[1-9]\\d{1,3}") ? Integer.parseInt(text) : DEFAULT_COLUMNS;
  }

  @Override
  public void afterStep(Progress progress) {
    long now = System.nanoTime();
    // The first step compiles; the rate counts from its end.
    if (stepsBefore < 0) {
      stepsBefore = progress.step();
      start = now;
    }
    boolean last = progress.step() == progress.steps();
    if (columns == 0 || (now - lastDrawn < REDRAW_NANOS && !last)) return;
    lastDrawn = now;
    int filled = (int) Math.min(WIDTH, WIDTH * progress.step() / Math.max(progress.steps(), 1));
    var line = new StringBuilder();
    line.append("step %d/%d ".formatted(progress.step(), progress.steps()))
        .append("█".repeat(filled))
        .append("░".repeat(WIDTH - filled));
    double perSecond = (progress.step() - stepsBefore) / seconds(start, now);
    if (perSecond > 0) {
      double left = (progress.steps() - progress.step()) / perSecond;
      line.append(String.format(Locale.ROOT, "  %.1f steps/s  %s left", perSecond, time(left)));
    }
    line.append(String.format(Locale.ROOT, "  loss %.4f%s", progress.loss(), metrics()));
    line.setLength(Math.min(line.length(), columns - 1));
    out.print("\r\033[K" + line);
    out.flush();
  }

  @Override
  public void beforeValidation(Progress progress) {
    if (columns == 0) return;
    out.printf("\r\033[Kstep %d/%d  measuring …", progress.step(), progress.steps());
    out.flush();
  }

  @Override
  public void afterValidation(Progress progress, Map<String, Double> values) {
    metrics.putAll(values);
    if (columns > 0) out.print("\r\033[K");
  }

  @Override
  public void afterEpoch(Progress progress, double meanLoss) {
    long now = System.nanoTime();
    long epochs = Math.ceilDiv(progress.steps(), Math.max(stepsOfEpoch(progress), 1));
    out.printf(
        Locale.ROOT,
        "%sepoch %d/%d  loss %.4f%s  %.1f s%n",
        columns > 0 ? "\r\033[K" : "",
        progress.epoch() + 1,
        Math.max(epochs, progress.epoch() + 1L),
        meanLoss,
        metrics(),
        seconds(epochStart, now));
    epochStart = System.nanoTime();
  }

  private static long stepsOfEpoch(Progress progress) {
    return progress.step() / (progress.epoch() + 1);
  }

  private String metrics() {
    var text = new StringBuilder();
    metrics.forEach(
        (name, value) -> text.append(String.format(Locale.ROOT, "  %s %.4f", name, value)));
    return text.toString();
  }

  private static double seconds(long from, long to) {
    return Math.max(to - from, 1) / 1e9;
  }

  /** Such as 0:07, 12:30 or 3:05:00. */
  private static String time(double seconds) {
    long whole = Math.round(seconds);
    return whole < 3600
        ? "%d:%02d".formatted(whole / 60, whole % 60)
        : "%d:%02d:%02d".formatted(whole / 3600, whole / 60 % 60, whole % 60);
  }
}
