package dev.gamelan.train;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The curves of a training as a picture, one panel a curve. */
public final class CurvePlot {
  private static final int WIDTH = 800;
  private static final int PANEL_HEIGHT = 300;

  private CurvePlot() {}

  /** Writes a PNG. Needs no display. */
  public static void save(Path file, History history) throws IOException {
    var curves = history.curves();
    if (curves.isEmpty()) throw new IllegalArgumentException("there is no curve to draw yet");
    var picture =
        new BufferedImage(WIDTH, PANEL_HEIGHT * curves.size(), BufferedImage.TYPE_INT_RGB);
    var graphics = picture.createGraphics();
    int top = 0;
    for (var curve : curves.entrySet()) {
      var panel = BitmapEncoder.getBufferedImage(panel(curve.getKey(), curve.getValue()));
      graphics.drawImage(panel, 0, top, null);
      top += PANEL_HEIGHT;
    }
    graphics.dispose();
    var folder = file.toAbsolutePath().getParent();
    if (folder != null) Files.createDirectories(folder);
    ImageIO.write(picture, "png", file.toFile());
  }

  private static XYChart panel(String name, List<Double> values) {
    var chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(PANEL_HEIGHT)
            .xAxisTitle("epoch")
            .yAxisTitle(name)
            .build();
    chart.getStyler().setLegendVisible(false).setChartBackgroundColor(Color.WHITE);
    var epochs = IntStream.rangeClosed(1, values.size()).boxed().toList();
    chart.addSeries(name, epochs, values).setMarker(SeriesMarkers.CIRCLE);
    return chart;
  }
}
