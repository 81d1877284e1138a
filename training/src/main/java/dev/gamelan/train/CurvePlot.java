package dev.gamelan.train;

import dev.gamelan.exchange.AtomicFiles;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * The curves of a training as a picture. What training and validation share stands in one panel:
 * "loss" with "validation loss".
 */
public final class CurvePlot {
  private static final int WIDTH = 800;
  private static final int PANEL_HEIGHT = 300;
  private static final int MOST_MARKED = 40;

  private CurvePlot() {}

  /** Writes a PNG. Needs no display. */
  public static void save(Path file, History history) throws IOException {
    var panels = panels(history.curves());
    if (panels.isEmpty()) throw new IllegalArgumentException("there is no curve to draw yet");
    var picture =
        new BufferedImage(WIDTH, PANEL_HEIGHT * panels.size(), BufferedImage.TYPE_INT_RGB);
    var graphics = picture.createGraphics();
    int top = 0;
    for (var panel : panels.entrySet()) {
      var chart = BitmapEncoder.getBufferedImage(chart(panel.getKey(), panel.getValue()));
      graphics.drawImage(chart, 0, top, null);
      top += PANEL_HEIGHT;
    }
    graphics.dispose();
    var png = new ByteArrayOutputStream();
    ImageIO.write(picture, "png", png);
    AtomicFiles.write(file, png.toByteArray());
  }

  private static Map<String, Map<String, List<History.Point>>> panels(
      Map<String, List<History.Point>> curves) {
    var panels = new LinkedHashMap<String, Map<String, List<History.Point>>>();
    curves.forEach(
        (name, points) -> {
          // A value that is not finite has no place in a picture.
          var finite = points.stream().filter(point -> Double.isFinite(point.value())).toList();
          var panel =
              name.startsWith(Validation.PREFIX)
                  ? name.substring(Validation.PREFIX.length())
                  : name;
          if (!finite.isEmpty()) {
            panels.computeIfAbsent(panel, p -> new LinkedHashMap<>()).put(name, finite);
          }
        });
    return panels;
  }

  private static XYChart chart(String panel, Map<String, List<History.Point>> curves) {
    var chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(PANEL_HEIGHT)
            .xAxisTitle("step")
            .yAxisTitle(panel)
            .build();
    chart
        .getStyler()
        .setLegendVisible(curves.size() > 1)
        .setLegendPosition(Styler.LegendPosition.InsideNE)
        .setChartBackgroundColor(Color.WHITE);
    curves.forEach(
        (name, points) -> {
          var steps = points.stream().map(point -> (double) point.step()).toList();
          var values = points.stream().map(History.Point::value).toList();
          boolean marked = points.size() <= MOST_MARKED;
          chart
              .addSeries(name, steps, values)
              .setMarker(marked ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
        });
    return chart;
  }
}
