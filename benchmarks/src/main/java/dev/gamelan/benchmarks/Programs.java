package dev.gamelan.benchmarks;

import java.util.List;
import java.util.stream.Stream;

/** What {@code ./gamelan bench} knows. */
final class Programs {
  private static final List<Program> ALL =
      List.of(
          InferenceProgram.bert(),
          InferenceProgram.resNet50(),
          InferenceProgram.gpt2(),
          InferenceProgram.lstm(),
          InferenceProgram.tiny(),
          new MlpProgram(MlpProgram.Size.MNIST),
          new MlpProgram(MlpProgram.Size.TINY),
          new GptStepProgram(),
          InferenceProgram.chain());

  private Programs() {}

  static List<Program> all() {
    return Stream.concat(ALL.stream(), Kernels.all().stream()).toList();
  }

  static Program get(String name) {
    return all().stream()
        .filter(program -> program.name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "no program '%s'; there are %s"
                        .formatted(name, all().stream().map(Program::name).toList())));
  }
}
