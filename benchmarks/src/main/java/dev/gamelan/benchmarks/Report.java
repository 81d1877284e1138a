package dev.gamelan.benchmarks;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.CategoryChart;
import org.knowm.xchart.CategoryChartBuilder;
import org.knowm.xchart.style.Styler;

/** The table and the picture of a run. */
final class Report {
  static final String TABLE = "bench.md";
  static final String PICTURE = "bench.png";

  /**
   * @param nanos averages of iterations, over all rounds
   * @param agreement how its result compares with ours; empty for ours
   */
  record Measured(String contender, List<Double> nanos, StringBuilder agreement) {
    double median() {
      return quantile(0.5);
    }

    double quantile(double share) {
      var sorted = nanos.stream().sorted().toList();
      return sorted.get((int) Math.round(share * (sorted.size() - 1)));
    }
  }

  /**
   * @param handovers what a line took from core to core after each process
   */
  record Entry(Program program, List<Measured> measured, List<Double> handovers) {}

  private final Machine machine;
  private final int rounds;
  private final double warmup;
  private final double seconds;
  private final List<Entry> entries = new ArrayList<>();

  Report(Machine machine, int rounds, double warmup, double seconds) {
    this.machine = machine;
    this.rounds = rounds;
    this.warmup = warmup;
    this.seconds = seconds;
  }

  void add(Entry entry) {
    entries.add(entry);
  }

  void write(Path folder) throws IOException {
    Files.createDirectories(folder);
    Files.writeString(folder.resolve(TABLE), text());
    if (peers().isEmpty()) return; // Nothing to draw.
    BitmapEncoder.saveBitmap(
        chart(), folder.resolve(PICTURE).toString(), BitmapEncoder.BitmapFormat.PNG);
  }

  private String text() {
    var text = new StringBuilder();
    text.append("# Side by side\n\n")
        .append(machine.text())
        .append("JVM flags of all: `%s`.%n%n".formatted(String.join(" ", Bench.JVM_FLAGS)))
        .append(
            String.format(
                Locale.ROOT,
                "Each contender in %d fresh processes, in turns, each %.1f s after %.1f s of warm-up that are left out (the JVM compiles in the background on the same cores, and frameworks specialise); median of the iterations' averages, and their quartiles. A call writes a changed input and reads the output. The ratio is our time by theirs: below 1 we are faster.%n%n",
                rounds,
                seconds,
                warmup))
        .append(peers().isEmpty() ? "" : "![ratios](%s)%n%n".formatted(PICTURE))
        .append(
            "| program | contender | median | quartiles | ours by theirs | of the roof | agreement |\n")
        .append("|---|---|---|---|---|---|---|\n");
    for (var entry : entries) {
      double ours = entry.measured().getFirst().median();
      for (int i = 0; i < entry.measured().size(); i++) {
        var measured = entry.measured().get(i);
        boolean first = i == 0;
        text.append(
            String.format(
                Locale.ROOT,
                "| %s | %s | %s | %s – %s | %s | %s | %s |%n",
                first ? entry.program().name() : "",
                measured.contender(),
                time(measured.median()),
                time(measured.quantile(0.25)),
                time(measured.quantile(0.75)),
                first ? "" : String.format(Locale.ROOT, "%.2f", ours / measured.median()),
                machine.share(entry.program(), measured.median()),
                measured.agreement()));
      }
    }
    text.append('\n');
    entries.stream()
        .flatMap(entry -> entry.measured().stream().map(Measured::contender))
        .distinct()
        .forEach(
            contender ->
                text.append("- **%s**: %s%n".formatted(contender, Contenders.setup(contender))));
    text.append('\n');
    for (var entry : entries) {
      text.append("- ")
          .append(entry.program().name())
          .append(": ")
          .append(entry.program().description())
          .append(handovers(entry))
          .append('\n');
    }
    return text.toString();
  }

  private static String handovers(Entry entry) {
    var range = entry.handovers().stream().mapToDouble(nanos -> nanos).summaryStatistics();
    if (range.getCount() == 0) return "";
    return String.format(
        Locale.ROOT,
        "; a cache line went from core to core in %.0f to %.0f ns",
        range.getMin(),
        range.getMax());
  }

  /** The contenders that are not ours. */
  private List<String> peers() {
    return entries.stream()
        .flatMap(entry -> entry.measured().stream().skip(1).map(Measured::contender))
        .filter(contender -> !contender.startsWith("gamelan"))
        .distinct()
        .toList();
  }

  private CategoryChart chart() {
    var chart =
        new CategoryChartBuilder()
            .width(1000)
            .height(600)
            .title("Our time by theirs (below 1: we are faster)")
            .build();
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setXAxisLabelRotation(60);
    chart.getStyler().setYAxisMin(0.0);
    chart.getStyler().setChartBackgroundColor(Color.WHITE);
    var programs = entries.stream().map(entry -> entry.program().name()).toList();
    for (var other : peers()) {
      var ratios = new ArrayList<Double>();
      for (var entry : entries) {
        double ours = entry.measured().getFirst().median();
        ratios.add(
            entry.measured().stream()
                .filter(measured -> measured.contender().equals(other))
                .map(measured -> ours / measured.median())
                .findFirst()
                .orElse(0.0));
      }
      chart.addSeries(other, programs, ratios);
    }
    return chart;
  }

  static String time(double nanos) {
    if (nanos >= 1e6) return String.format(Locale.ROOT, "%.2f ms", nanos / 1e6);
    if (nanos >= 1e3) return String.format(Locale.ROOT, "%.2f µs", nanos / 1e3);
    return String.format(Locale.ROOT, "%.0f ns", nanos);
  }
}
