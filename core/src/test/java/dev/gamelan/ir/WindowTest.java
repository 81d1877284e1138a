package dev.gamelan.ir;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WindowTest {
  @ParameterizedTest
  @CsvSource({
    "3, 3, 1, 1, 1, true", // The windows see −1 to 1, 0 to 2 and 1 to 3; there are 0 to 2.
    "3, 1, 0, 0, 1, true", // 0, 1, 2
    "3, 1, 1, 0, 1, false", // −1, …
    "3, 1, 0, 1, 1, false", // …, 3
    "5, 2, 2, 0, 1, false", // −2 and −1, …
    "1, 2, 1, 1, 2, false", // −1 and 1; there is 0
    "1, 3, 2, 2, 2, true" // −2, 0 and 2
  })
  void aWindowAlwaysSeesAnElementOrSomewherePaddingAlone(
      long size, long places, long low, long high, long dilation, boolean sees) {
    var window = new Window(List.of(1L), List.of(low), List.of(high), List.of(dilation));
    assertEquals(sees, window.alwaysSees(0, size, places));
  }
}
