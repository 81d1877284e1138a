package dev.gamelan.onednn;

import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Steps that are large enough to be divided among the threads, against the reference: the rows of
 * the conformance suite are not. Sizes are odd, so that the parts are not equal.
 */
class OneDnnDivisionTest {
  private static final String DOT =
      "dot_general[leftBatch=%s, rightBatch=%s, leftContracting=%s, rightContracting=%s, result=%s]";

  private record Case(String name, String graph) {}

  private static String dot(
      String left, String right, String result, String axes, String dtype, String out) {
    var parts = axes.split(" ");
    var op = DOT.formatted(parts[0], parts[1], parts[2], parts[3], out);
    return "(%%0: %s%s, %%1: %s%s) { %%2 = %s %%0, %%1 : %s%s return %%2 }"
        .formatted(dtype, left, dtype, right, op, out, result);
  }

  private static Stream<Case> cases() {
    var plain = "[] [] [1] [0]";
    return Stream.of(
        new Case("dot by columns", dot("[33,70]", "[70,301]", "[33,301]", plain, "f32", "f32")),
        new Case("dot by rows", dot("[301,70]", "[70,33]", "[301,33]", plain, "f32", "f32")),
        new Case("dot of a vector", dot("[1,700]", "[700,701]", "[1,701]", plain, "f32", "f32")),
        new Case("dot to a column", dot("[701,700]", "[700,1]", "[701,1]", plain, "f32", "f32")),
        new Case(
            "dot, left transposed",
            dot("[70,301]", "[70,133]", "[301,133]", "[] [] [0] [0]", "f32", "f32")),
        new Case(
            "dot, right transposed",
            dot("[101,70]", "[133,70]", "[101,133]", "[] [] [1] [1]", "f32", "f32")),
        new Case(
            "dot by batch",
            dot("[7,33,40]", "[7,40,65]", "[7,33,65]", "[0] [0] [2] [1]", "f32", "f32")),
        new Case(
            "dot with the batch in the middle",
            dot("[33,5,40]", "[65,5,40]", "[5,33,65]", "[1] [1] [2] [2]", "f32", "f32")),
        new Case(
            "dot with two batch axes apart",
            dot("[5,33,3,40]", "[5,65,3,40]", "[5,3,33,65]", "[0,2] [0,2] [3] [3]", "f32", "f32")),
        new Case("dot bf16", dot("[65,130]", "[130,67]", "[65,67]", plain, "bf16", "f32")),
        new Case("dot i8", dot("[65,130]", "[130,67]", "[65,67]", plain, "i8", "i32")),
        new Case(
            "dot of what is broadcast",
            """
            (%0: f32[70], %1: f32[70,301]) {
              %2 = broadcast_in_dim[shape=[65,70], axes=[1]] %0 : f32[65,70]
              %3 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %2, %1 : f32[65,301]
              return %3
            }"""),
        new Case(
            "transpose of one matrix",
            "(%0: f32[301,170]) { %1 = transpose[permutation=[1,0]] %0 : f32[170,301] return %1 }"),
        new Case(
            "transpose of some matrices",
            "(%0: f32[9,33,5,40]) { %1 = transpose[permutation=[0,2,3,1]] %0 : f32[9,5,40,33] return %1 }"),
        new Case(
            "transpose of few matrices, divided by rows",
            "(%0: f32[1,133,330]) { %1 = transpose[permutation=[0,2,1]] %0 : f32[1,330,133] return %1 }"),
        new Case(
            "transpose that reverses the axes",
            "(%0: f32[17,19,23,9]) { %1 = transpose[permutation=[3,2,1,0]] %0 : f32[9,23,19,17] return %1 }"),
        new Case(
            "scan with a body worth dividing",
            """
            (%0: f32[65,70], %1: f32[3,65,70], %2: f32[70,70]) {
              %3:2 = scan[body=(%0: f32[65,70], %1: f32[65,70], %2: f32[70,70]) {
                  %3 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %0, %2 : f32[65,70]
                  %4 = add %3, %1 : f32[65,70]
                  %5 = tanh %4 : f32[65,70]
                  %6 = exp %5 : f32[65,70]
                  return %5, %6
                }, length=3, carries=1, sequences=1, reverse=true] %0, %1, %2 : f32[65,70], f32[3,65,70]
              return %3, %3:1
            }"""),
        new Case(
            "while in a cond, both worth dividing",
            """
            (%0: f32[65,70], %1: f32[70,70]) {
              %2 = reduce[kind=max, axes=[0,1]] %0 : f32[]
              %3 = fill[value=f32(0.0), shape=[]] : f32[]
              %4 = compare[kind=gt] %2, %3 : bool[]
              %5 = cond[onTrue=(%0: f32[65,70], %1: f32[70,70]) {
                  %2 = while[condition=(%0: f32[65,70], %1: f32[70,70]) {
                      %2 = reduce[kind=sum, axes=[0,1]] %0 : f32[]
                      %3 = fill[value=f32(1.0), shape=[]] : f32[]
                      %4 = abs %2 : f32[]
                      %5 = compare[kind=gt] %4, %3 : bool[]
                      return %5
                    }, body=(%0: f32[65,70], %1: f32[70,70]) {
                      %2 = dot_general[leftBatch=[], rightBatch=[], leftContracting=[1], rightContracting=[0], result=f32] %0, %1 : f32[65,70]
                      %3 = tanh %2 : f32[65,70]
                      %4 = fill[value=f32(0.0625), shape=[]] : f32[]
                      %5 = broadcast_in_dim[shape=[65,70], axes=[]] %4 : f32[65,70]
                      %6 = mul %3, %5 : f32[65,70]
                      return %6
                    }, carries=1] %0, %1 : f32[65,70]
                  return %2
                }, onFalse=(%0: f32[65,70], %1: f32[70,70]) { return %0 }] %4, %0, %1 : f32[65,70]
              return %5
            }"""),
        new Case(
            "convolution, pointwise and a maximum, in slabs",
            """
            (%0: f32[1,5,33,19], %1: f32[48,5,3,3], %2: f32[48]) {
              %3 = convolution[window={strides=[1,1], low=[1,1], high=[1,1], dilation=[1,1]}, groups=1, result=f32] %0, %1 : f32[1,48,33,19]
              %4 = broadcast_in_dim[shape=[1,48,33,19], axes=[1]] %2 : f32[1,48,33,19]
              %5 = add %3, %4 : f32[1,48,33,19]
              %6 = pool[kind=max, size=[3,3], window={strides=[2,2], low=[1,1], high=[1,1], dilation=[1,1]}, countPadding=false] %5 : f32[1,48,17,10]
              %7 = reduce[kind=sum, axes=[0,2]] %5 : f32[48,19]
              return %6, %5, %7
            }"""),
        new Case(
            "strided convolution of few rows, averaged",
            """
            (%0: f32[1,32,9,9], %1: f32[80,32,3,3]) {
              %2 = convolution[window={strides=[2,2], low=[1,1], high=[1,1], dilation=[1,1]}, groups=1, result=f32] %0, %1 : f32[1,80,5,5]
              %3 = pool[kind=average, size=[2,3], window={strides=[1,2], low=[1,0], high=[0,1], dilation=[1,1]}, countPadding=false] %2 : f32[1,80,5,2]
              return %3
            }"""),
        convolution("convolution by channels", "[1,5,17,19]", "[70,5,3,3]", "[1,70,17,19]", 1),
        convolution("convolution by batch", "[5,6,17,19]", "[9,6,3,3]", "[5,9,17,19]", 1),
        convolution("convolution in groups", "[3,6,17,19]", "[12,2,3,3]", "[3,12,17,19]", 3),
        inputGradient("input gradient by channels", "[1,70,9,11]", "[33,70,3,3]", "[1,33,9,11]"),
        inputGradient("input gradient by batch", "[4,7,9,11]", "[33,7,3,3]", "[4,33,9,11]"),
        new Case(
            "filter gradient",
            """
            (%0: f32[3,7,13,11], %1: f32[3,70,13,11]) {
              %2 = convolution_filter_gradient[window=WINDOW, groups=1, filter=[70,7,3,3], result=f32] %0, %1 : f32[70,7,3,3]
              return %2
            }"""),
        new Case(
            "pointwise by elements",
            "(%0: f32[70001]) { %1 = exp %0 : f32[70001] %2 = tanh %1 : f32[70001] return %2 }"),
        new Case(
            "pointwise by rows",
            """
            (%0: f32[601,33], %1: f32[601]) {
              %2 = broadcast_in_dim[shape=[601,33], axes=[0]] %1 : f32[601,33]
              %3 = mul %0, %2 : f32[601,33]
              %4 = erf %3 : f32[601,33]
              return %4
            }"""),
        new Case(
            "softmax", "(%0: f32[601,77]) { %1 = softmax[axis=1] %0 : f32[601,77] return %1 }"),
        new Case(
            // Of positive terms: where they cancel, the sum says nothing of the error.
            "sum of one long row",
            "(%0: f32[90001]) { %1 = exp %0 : f32[90001] %2 = reduce[kind=sum, axes=[0]] %1 : f32[] return %2 }"),
        new Case(
            "sums of columns",
            "(%0: f32[301,777]) { %1 = reduce[kind=sum, axes=[0]] %0 : f32[777] return %1 }"),
        new Case(
            "sums of narrow columns",
            "(%0: f32[7,3001,9]) { %1 = reduce[kind=sum, axes=[1]] %0 : f32[7,9] return %1 }"),
        new Case(
            "sums over the first and the last axis",
            "(%0: f32[31,77,65]) { %1 = reduce[kind=sum, axes=[0,2]] %0 : f32[77] return %1 }"),
        new Case(
            "transpose",
            "(%0: f32[301,203]) { %1 = transpose[permutation=[1,0]] %0 : f32[203,301] return %1 }"),
        new Case(
            "transpose of 8 bytes, with rows kept",
            "(%0: i64[31,43,65]) { %1 = transpose[permutation=[1,0,2]] %0 : i64[43,31,65] return %1 }"),
        new Case(
            "gather of many rows",
            "(%0: f32[50,300], %1: u8[131]) { %2 = gather[axis=0] %0, %1 : f32[131,300] return %2 }"),
        new Case(
            "scatter of equal indices",
            """
            (%0: f32[50,300], %1: u8[131], %2: f32[131,300]) {
              %3 = scatter[kind=add, axis=0] %0, %1, %2 : f32[50,300]
              return %3
            }"""));
  }

  private static final String WINDOW = "{strides=[1,1], low=[1,1], high=[1,1], dilation=[1,1]}";

  private static Case convolution(String name, String x, String w, String y, int groups) {
    return new Case(
        name,
        "(%%0: f32%s, %%1: f32%s) { %%2 = convolution[window=WINDOW, groups=%d, result=f32] %%0, %%1 : f32%s return %%2 }"
            .formatted(x, w, groups, y));
  }

  private static Case inputGradient(String name, String y, String w, String x) {
    // Filters are [o, c, …] and y has o channels.
    var filter = "[" + y.split(",")[1] + "," + x.split(",")[1] + ",3,3]";
    return new Case(
        name,
        "(%%0: f32%s, %%1: f32%s) { %%2 = convolution_input_gradient[window=WINDOW, groups=1, input=%s, result=f32] %%0, %%1 : f32%s return %%2 }"
            .formatted(y, filter, x, x));
  }

  @TestFactory
  Stream<DynamicTest> whatIsDividedAgreesWithTheReference() {
    return cases()
        .map(
            c ->
                DynamicTest.dynamicTest(
                    c.name, () -> Agreement.check(c.graph.replace("WINDOW", WINDOW))));
  }
}
