package dev.gamelan.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.commons.csv.CSVException;
import org.apache.commons.csv.CSVFormat;

/** The rows of a CSV file (RFC 4180) whose first line names the columns; held in memory. */
public final class Csv implements Dataset<Csv.Row> {
  private final Path file;
  private final List<String> columns;
  private final List<Row> rows = new ArrayList<>();

  /** A row; its numbers and texts by the name of the column. */
  public static final class Row {
    private final Csv csv;
    private final long line;
    private final String[] values;

    private Row(Csv csv, long line, String[] values) {
      this.csv = csv;
      this.line = line;
      this.values = values;
    }

    public String text(String column) {
      int at = csv.columns.indexOf(column);
      if (at < 0) {
        throw new IllegalArgumentException(
            "%s has no column '%s'; it has %s".formatted(csv.file, column, csv.columns));
      }
      return values[at];
    }

    /**
     * @throws BrokenRecordException if there is none
     */
    public float number(String column) {
      var text = text(column);
      try {
        return Float.parseFloat(text.strip());
      } catch (NumberFormatException e) {
        throw new BrokenRecordException(
            csv.file, line, "column '%s' is '%s', which is no number".formatted(column, text));
      }
    }

    public float[] numbers(List<String> columns) {
      var numbers = new float[columns.size()];
      for (int i = 0; i < numbers.length; i++) numbers[i] = number(columns.get(i));
      return numbers;
    }

    /** The line that it begins on, from 1. */
    public long line() {
      return line;
    }
  }

  private Csv(Path file, List<String> columns) {
    this.file = file;
    this.columns = columns;
  }

  /** A file with commas. */
  public static Csv open(Path file) throws IOException {
    return open(file, ',');
  }

  /**
   * @throws IOException if it has no line of names, or a quote that is never closed
   */
  public static Csv open(Path file, char delimiter) throws IOException {
    var format =
        CSVFormat.RFC4180.builder().setDelimiter(delimiter).setIgnoreEmptyLines(true).get();
    try (var reader = Files.newBufferedReader(file, StandardCharsets.UTF_8);
        var parser = format.parse(reader)) {
      var records = parser.iterator();
      if (!records.hasNext()) throw new IOException(file + ": has no line that names the columns");
      var csv = new Csv(file, columns(file, records.next().values()));
      long line = parser.getCurrentLineNumber() + 1;
      while (records.hasNext()) {
        csv.rows.add(new Row(csv, line, records.next().values()));
        line = parser.getCurrentLineNumber() + 1;
      }
      return csv;
    } catch (UncheckedIOException | CSVException e) {
      // The parser wraps what reading throws.
      if (e.getCause() instanceof CharacterCodingException) {
        throw new IOException("%s is no UTF-8".formatted(file), e);
      }
      throw new IOException("%s is no CSV: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** Without the byte order mark that spreadsheets write. */
  private static List<String> columns(Path file, String[] names) throws IOException {
    if (names[0].startsWith("\uFEFF")) names[0] = names[0].substring(1);
    var columns = List.of(names);
    if (Set.copyOf(columns).size() < columns.size()) {
      throw new IOException("%s: two columns have one name: %s".formatted(file, columns));
    }
    return columns;
  }

  /** The names in the first line. */
  public List<String> columns() {
    return columns;
  }

  @Override
  public long size() {
    return rows.size();
  }

  /**
   * @throws BrokenRecordException if it has more or fewer values than there are columns
   */
  @Override
  public Row get(long index) {
    var row = rows.get(Math.toIntExact(index));
    if (row.values.length != columns.size()) {
      throw new BrokenRecordException(
          file,
          row.line,
          "has %d values for %d columns".formatted(row.values.length, columns.size()));
    }
    return row;
  }
}
