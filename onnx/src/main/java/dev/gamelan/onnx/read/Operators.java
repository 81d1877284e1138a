package dev.gamelan.onnx.read;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The operators that can be imported, by domain and name; each family has a file. */
public final class Operators {
  private Operators() {}

  /** Loaded when first asked for. */
  private static final class Registry {
    static final Map<String, Operator> STANDARD =
        merge(
            Stream.of(
                PointwiseOperators.all(),
                ActivationOperators.all(),
                CastOperators.all(),
                ShapeOperators.all(),
                SourceOperators.all(),
                PaddingOperators.all(),
                IndexingOperators.all(),
                HostOperators.all(),
                ReductionOperators.all(),
                ContractionOperators.all(),
                ConvolutionOperators.all(),
                PoolOperators.all(),
                SamplingOperators.all(),
                RegionOperators.all(),
                NormalizationOperators.all(),
                AttentionOperators.all(),
                LinearAttentionOperators.all(),
                RecurrentOperators.all(),
                QuantizationOperators.all(),
                SignalOperators.all(),
                RandomOperators.all(),
                LossOperators.all(),
                ControlOperators.all(),
                SequenceOperators.all(),
                TextOperators.all(),
                ImageOperators.all()));
    static final Map<String, Operator> PREVIEW = AttentionOperators.preview();
    static final Map<String, Operator> OPTIMIZERS = OptimizerOperators.all();
    static final Map<String, Operator> CLASSIC = ClassicOperators.all();
    static final Map<String, Operator> MICROSOFT = MicrosoftOperators.all();

    private Registry() {}

    private static Map<String, Operator> merge(Stream<Map<String, Operator>> families) {
      var all = new HashMap<String, Operator>();
      families.forEach(
          family ->
              family.forEach(
                  (name, operator) -> {
                    if (all.put(name, operator) != null) throw new IllegalStateException(name);
                  }));
      return all;
    }
  }

  static @Nullable Operator find(String domain, String name) {
    return of(domain).get(name);
  }

  /** The names of the operators of a domain that can be imported. */
  public static Set<String> names(String domain) {
    return new TreeSet<>(of(domain).keySet());
  }

  private static Map<String, Operator> of(String domain) {
    return switch (domain) {
      case "" -> Registry.STANDARD;
      case "ai.onnx.preview" -> Registry.PREVIEW;
      case "ai.onnx.preview.training" -> Registry.OPTIMIZERS;
      case "ai.onnx.ml" -> Registry.CLASSIC;
      case "com.microsoft" -> Registry.MICROSOFT;
      default -> Map.of();
    };
  }
}
