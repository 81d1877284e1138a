package dev.gamelan.onnx.read;

import dev.gamelan.engine.Device;
import dev.gamelan.onnx.OnnxException;
import dev.gamelan.onnx.proto.ModelProto;
import dev.gamelan.tensor.CompiledFunction;
import dev.gamelan.tensor.Devices;
import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.TensorType;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A model that runs: a {@link Plan} and an executable for each signature of its inputs, or, where
 * shapes depend on data, a walk over its nodes at each call.
 */
public final class Program {
  private static final int CAPACITY = 64;

  /** Types by name, and the numbers of the inputs that shapes depend on. */
  private record Signature(Map<String, TensorType> types, Map<String, List<Number>> numbers) {}

  /** With the plan's constants as tensors of the devices that it ran on. */
  private record Compiled(
      Plan plan, CompiledFunction function, Map<Device, Map<Integer, Tensor>> constants) {}

  private final ModelProto model;
  private final ExternalData files;
  private final Map<String, Parameter> parameters;
  private final Set<String> shaping = ConcurrentHashMap.newKeySet();
  private final Map<Device, Map<Operand.Weight, Tensor>> weights = new ConcurrentHashMap<>();
  private final Map<Signature, Compiled> compiled =
      new LinkedHashMap<>(16, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Signature, Compiled> eldest) {
          return size() > CAPACITY;
        }
      };
  private volatile boolean stepwise;

  /**
   * @param parameters initializers that change, by name
   */
  Program(ModelProto model, ExternalData files, Map<String, Parameter> parameters) {
    this.model = model;
    this.files = files;
    this.parameters = parameters;
  }

  /** The same model with these initializers as parameters. */
  public Program with(Map<String, Parameter> others) {
    return new Program(model, files, others);
  }

  /** Whether shapes depend on data, so that each call walks over the nodes again. */
  public boolean isStepwise() {
    return stepwise;
  }

  /** The outputs, in the model's order. */
  public List<Tensor> run(Map<String, Tensor> inputs) {
    if (!stepwise) {
      try {
        var entry = entry(inputs);
        return results(entry, inputs);
      } catch (NeedsData e) {
        stepwise = true;
      }
    }
    return walk(inputs);
  }

  /** The graph for inputs of these types. */
  public Plan plan(Map<String, TensorType> types) {
    try {
      return plan(Map.of(), types);
    } catch (NeedsData e) {
      throw new OnnxException(String.valueOf(e.getMessage()), e);
    }
  }

  // ---- one graph

  private Compiled entry(Map<String, Tensor> inputs) {
    while (true) {
      var signature = signature(inputs);
      synchronized (compiled) {
        var known = compiled.get(signature);
        if (known != null) return known;
      }
      try {
        var plan = plan(known(inputs), signature.types());
        synchronized (compiled) {
          return compiled.computeIfAbsent(signature, s -> compile(plan));
        }
      } catch (NeedsData e) {
        if (e.inputs().isEmpty() || !shaping.addAll(e.inputs())) throw e;
      }
    }
  }

  private Signature signature(Map<String, Tensor> inputs) {
    var types = new LinkedHashMap<String, TensorType>();
    var numbers = new HashMap<String, List<Number>>();
    inputs.forEach(
        (name, tensor) -> {
          types.put(name, tensor.type());
          if (!shaping.contains(name)) return;
          var array = HostTensors.array(tensor);
          var elements = new ArrayList<Number>();
          if (tensor.dtype().isFloat()) for (double x : array.floats()) elements.add(x);
          else for (long x : array.integers()) elements.add(x);
          numbers.put(name, elements);
        });
    return new Signature(types, numbers);
  }

  private Map<String, Operand> known(Map<String, Tensor> inputs) {
    var known = new HashMap<String, Operand>();
    for (var name : shaping) {
      var tensor = inputs.get(name);
      if (tensor != null) known.put(name, new Operand.Known(HostTensors.array(tensor)));
    }
    return known;
  }

  private Plan plan(Map<String, Operand> known, Map<String, TensorType> types) {
    var importer = new Importer(model, files, parameters.keySet(), null);
    var open = new LinkedHashMap<>(types);
    open.keySet().removeAll(known.keySet());
    return Plan.of(importer, importer.run(known, open));
  }

  private Compiled compile(Plan plan) {
    var constants = new ConcurrentHashMap<Device, Map<Integer, Tensor>>();
    var function = CompiledFunction.of(arguments -> apply(plan, constants, arguments));
    return new Compiled(plan, function, constants);
  }

  private List<Tensor> results(Compiled entry, Map<String, Tensor> inputs) {
    var plan = entry.plan();
    var arguments = new ArrayList<Tensor>();
    for (var source : plan.sources()) {
      if (source instanceof Plan.Source.Argument a) arguments.add(argument(a, inputs));
    }
    var outputs =
        plan.graph().outputs().isEmpty() ? List.<Tensor>of() : entry.function().call(arguments);
    return plan.results().stream()
        .map(
            result ->
                switch (result) {
                  case Plan.Result.Output output -> outputs.get(output.index());
                  case Plan.Result.Constant constant -> HostTensors.constant(constant.array());
                })
        .toList();
  }

  private List<Tensor> apply(
      Plan plan, Map<Device, Map<Integer, Tensor>> constants, List<Tensor> arguments) {
    var ofDevice = constants.computeIfAbsent(Devices.current(), d -> new ConcurrentHashMap<>());
    var operands = new ArrayList<Tensor>();
    int next = 0;
    for (var source : plan.sources()) {
      int index = operands.size();
      operands.add(
          switch (source) {
            case Plan.Source.Argument a -> arguments.get(next++);
            case Plan.Source.Weight weight -> weight(weight.weight());
            case Plan.Source.Constant c ->
                ofDevice.computeIfAbsent(index, i -> HostTensors.constant(c.array()));
            case Plan.Source.Key key -> RandomKey.draw().words();
          });
    }
    return Tensors.apply(plan.graph(), operands);
  }

  // ---- step by step

  private List<Tensor> walk(Map<String, Tensor> inputs) {
    var steps = new Stepwise(source -> bind(source, inputs));
    var importer = new Importer[1];
    importer[0] =
        new Importer(
            model,
            files,
            parameters.keySet(),
            (block, value) -> steps.evaluate(importer[0], value));
    var types = new LinkedHashMap<String, TensorType>();
    inputs.forEach((name, tensor) -> types.put(name, tensor.type()));
    return steps.results(importer[0], importer[0].run(Map.of(), types));
  }

  // ---- inputs of the graph

  private Tensor bind(Plan.Source source, Map<String, Tensor> inputs) {
    return switch (source) {
      case Plan.Source.Argument argument -> argument(argument, inputs);
      case Plan.Source.Weight weight -> weight(weight.weight());
      case Plan.Source.Constant constant -> HostTensors.constant(constant.array());
      case Plan.Source.Key key -> RandomKey.draw().words();
    };
  }

  private static Tensor argument(Plan.Source.Argument argument, Map<String, Tensor> inputs) {
    var tensor = inputs.get(argument.name());
    if (tensor == null)
      throw new OnnxException("needs a tensor for '%s'".formatted(argument.name()));
    return tensor;
  }

  private Tensor weight(Operand.Weight weight) {
    var parameter = parameters.get(weight.name());
    if (parameter != null) return parameter.value();
    return weights
        .computeIfAbsent(Devices.current(), device -> new ConcurrentHashMap<>())
        .computeIfAbsent(weight, w -> Tensor.constant(weight.type(), weight.bytes()));
  }
}
