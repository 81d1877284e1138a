package dev.gamelan.onednn;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Loops whose carries go to more than one place. */
class OneDnnScanTest {
  /** Of two carries one is stacked as it is, the other one as its square. */
  @ParameterizedTest
  @CsvSource({"1, false", "4, false", "5, true"})
  void aCarryThatIsStackedTooIsInBothPlaces(int length, boolean reverse) {
    Agreement.check(
        """
        (%%0: f32[3,6], %%1: f32[3,6], %%2: f32[%1$d,3,6]) {
          %%3:4 = scan[body=(%%0: f32[3,6], %%1: f32[3,6], %%2: f32[3,6]) {
            %%3 = add %%0, %%2 : f32[3,6]
            %%4 = tanh %%3 : f32[3,6]
            %%5 = sub %%1, %%4 : f32[3,6]
            %%6 = mul %%5, %%5 : f32[3,6]
            return %%4, %%5, %%6, %%4
          }, length=%1$d, carries=2, sequences=1, reverse=%2$s] %%0, %%1, %%2 : f32[3,6], f32[3,6], f32[%1$d,3,6], f32[%1$d,3,6]
          %%4 = reshape[shape=[1,3,6]] %%3:0 : f32[1,3,6]
          %%5 = reshape[shape=[1,3,6]] %%3:1 : f32[1,3,6]
          %%6 = concatenate[axis=0] %%4, %%5, %%3:2, %%3:3 : f32[%3$d,3,6]
          return %%6
        }"""
            .formatted(length, reverse, 2 + 2 * length));
  }
}
