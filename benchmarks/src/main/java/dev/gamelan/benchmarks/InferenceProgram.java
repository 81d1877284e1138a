package dev.gamelan.benchmarks;

import dev.gamelan.models.Bert;
import dev.gamelan.models.Gpt2;
import dev.gamelan.models.ResNet;
import dev.gamelan.nn.Layer;
import dev.gamelan.nn.Linear;
import dev.gamelan.nn.Lstm;
import dev.gamelan.nn.Sequential;
import dev.gamelan.nn.UnaryLayer;
import dev.gamelan.tensor.Precision;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.type.DType;
import dev.gamelan.type.TensorType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * A model's forward pass, for us and, as the file that we export, for ONNX Runtime.
 *
 * @param model made anew for each contender
 * @param forward from the model and its input to the one output
 * @param resident whether a call leaves out writing the input and reading the output: of a kernel
 */
record InferenceProgram<L extends Layer>(
    String name,
    String description,
    double flops,
    double bytes,
    Supplier<L> model,
    Supplier<Input> input,
    TensorType output,
    Function<L, UnaryOperator<Tensor>> forward,
    boolean resident)
    implements Program {
  static final String OURS = "gamelan";
  static final String IN_BF16 = "gamelan-bf16";
  private static final String ONNX_RUNTIME = "onnxruntime";

  /** 12 blocks of 12·768² weights, and scores and sums of 128² positions. */
  static Program bert() {
    return new InferenceProgram<>(
        "bert-base",
        "BERT-base, 1×128 tokens, hidden states read",
        12 * (2.0 * 128 * 12 * 768 * 768 + 4.0 * 128 * 128 * 768),
        0,
        () -> new Bert(Bert.Config.BASE),
        () -> Input.tokens(30522, 1, 128),
        TensorType.of(DType.F32, 1, 128, 768),
        bert -> tokens -> bert.forward(tokens).hidden(),
        false);
  }

  /** 4.09 G multiply-adds, as its authors' table has it for the stride in the 3×3 convolution. */
  static Program resNet50() {
    return new InferenceProgram<>(
        "resnet-50",
        "ResNet-50, a picture of 1×3×224×224, logits read",
        2 * 4.089e9,
        0,
        () -> new ResNet(ResNet.Config.RESNET_50),
        () -> Input.floats(1, 3, 224, 224),
        TensorType.of(DType.F32, 1, 1000),
        resNet -> resNet::forward,
        false);
  }

  /** As BERT-base with 64 positions, and the product with the embedding. */
  static Program gpt2() {
    return new InferenceProgram<>(
        "gpt2",
        "GPT-2 124M, 1×64 tokens, all logits read",
        12 * (2.0 * 64 * 12 * 768 * 768 + 4.0 * 64 * 64 * 768) + 2.0 * 64 * 768 * 50257,
        0,
        () -> new Gpt2(Gpt2.Config.SMALL),
        () -> Input.tokens(50257, 1, 64),
        TensorType.of(DType.F32, 1, 64, 50257),
        gpt2 -> gpt2::forward,
        false);
  }

  /** Eight times hidden² weights a step and example: four gates of an input and a state each. */
  static Program lstm() {
    return new InferenceProgram<>(
        "lstm",
        "an LSTM of 128 over 64 steps of 32×128, all states read",
        2.0 * 32 * 64 * 8 * 128 * 128,
        0,
        () -> new Lstm(128, 128, Lstm.Options.DEFAULT),
        () -> Input.floats(64, 32, 128),
        TensorType.of(DType.F32, 64, 32, 128),
        lstm -> x -> lstm.forward(x).sequence(),
        false);
  }

  static Program tiny() {
    return new InferenceProgram<>(
        "tiny-forward",
        "a 4-8-2 network at batch 4, forward",
        0,
        0,
        () -> new Sequential(new Linear(4, 8), UnaryLayer.of(Tensor::relu), new Linear(8, 2)),
        () -> Input.floats(4, 4),
        TensorType.of(DType.F32, 4, 2),
        network -> network::forward,
        false);
  }

  /** Reads a mebi of floats and writes as many. */
  static Program chain() {
    long size = 1 << 20;
    return new InferenceProgram<>(
        "chain",
        "tanh(x·2 + 1)·x + relu(x) − x/3 on 1 Mi floats, all read",
        0,
        8.0 * size,
        Sequential::new,
        () -> Input.floats(size),
        TensorType.of(DType.F32, size),
        none -> x -> x.mul(2).add(1).tanh().mul(x).add(x.relu()).sub(x.div(3)),
        false);
  }

  @Override
  public List<String> contenders() {
    return flops > 0 ? List.of(OURS, ONNX_RUNTIME, IN_BF16) : List.of(OURS, ONNX_RUNTIME);
  }

  @Override
  public Agreement agreement(String contender) {
    return contender.equals(IN_BF16) ? Agreement.BF16 : Agreement.F32;
  }

  @Override
  public Contender open(String contender, Workspace workspace) throws Exception {
    var network = model.get();
    return switch (contender) {
      case OURS -> ours(network, workspace, Precision.F32);
      case IN_BF16 -> ours(network, workspace, Precision.BF16);
      case ONNX_RUNTIME -> {
        var inputs = new LinkedHashMap<String, TensorType>();
        var given = input.get();
        inputs.put("input", given.type());
        var file =
            workspace.onnx(
                name,
                network,
                inputs,
                List.of("output"),
                arguments -> List.of(forward.apply(network).apply(arguments.getFirst())));
        yield new OnnxRuntimeInference(file, workspace.threads(), given, output, resident);
      }
      default -> throw new IllegalArgumentException("no contender '%s'".formatted(contender));
    };
  }

  private Contender ours(L network, Workspace workspace, Precision precision) {
    workspace.initialize(network);
    return new GamelanInference(forward.apply(network), input.get(), precision, resident);
  }
}
