package dev.gamelan.nn;

import dev.gamelan.tensor.Parameter;
import dev.gamelan.tensor.RandomKey;
import dev.gamelan.tensor.Tensor;
import dev.gamelan.tensor.Tensors;
import dev.gamelan.type.TensorType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * A part of a model: named parameters, named children, and a function of its own signature. Names
 * are given where a parameter or child is made, and are those of checkpoints: {@code
 * encoder.linear.weight}.
 */
public abstract class Layer {
  private record Slot(Parameter parameter, Initializer initializer, boolean trainable) {}

  private final Map<String, Slot> slots = new LinkedHashMap<>();
  private final Map<String, Layer> children = new LinkedHashMap<>();

  /** A trainable parameter; it has a value after {@link #initialize} or {@link #load}. */
  protected final Parameter parameter(String name, TensorType type, Initializer initializer) {
    return add(name, type, initializer, true);
  }

  /** State that is saved but not trained, such as a running mean. */
  protected final Parameter state(String name, TensorType type, Initializer initializer) {
    return add(name, type, initializer, false);
  }

  private Parameter add(String name, TensorType type, Initializer initializer, boolean trainable) {
    requireFree(name);
    var parameter = Parameter.uninitialized(type);
    slots.put(name, new Slot(parameter, initializer, trainable));
    return parameter;
  }

  /** A child; gives it back, so that it can be a field. */
  protected final <L extends Layer> L register(String name, L child) {
    requireFree(name);
    children.put(name, child);
    return child;
  }

  private void requireFree(String name) {
    if (name.isEmpty()
        || name.contains(".")
        || slots.containsKey(name)
        || children.containsKey(name)) {
      throw new IllegalArgumentException(
          "'%s' can't be a name in %s: it is taken, empty, or has a dot"
              .formatted(name, getClass().getSimpleName()));
    }
  }

  /** Gives every parameter its first value, drawn from {@code key} folded with its path. */
  public final Layer initialize(RandomKey key) {
    visit(
        "",
        (path, slot) ->
            slot.parameter()
                .assign(slot.initializer().create(key.foldIn(path), slot.parameter().type())));
    Tensors.evaluate(state().values().stream().map(Parameter::value).toList());
    return this;
  }

  /** The trainable parameters by path, in the order in which they were made. */
  public final Map<String, Parameter> namedParameters() {
    var found = new LinkedHashMap<String, Parameter>();
    visit(
        "",
        (path, slot) -> {
          if (slot.trainable()) found.put(path, slot.parameter());
        });
    return found;
  }

  /** The trainable parameters. */
  public final List<Parameter> parameters() {
    return List.copyOf(namedParameters().values());
  }

  /** Everything that is saved, by path. */
  public final Map<String, Parameter> state() {
    var found = new LinkedHashMap<String, Parameter>();
    visit("", (path, slot) -> found.put(path, slot.parameter()));
    return found;
  }

  /** The values of {@link #state} as of one moment. */
  public final Map<String, Tensor> snapshot() {
    return Tensors.snapshot(state());
  }

  /**
   * Takes the values of {@code values}, all of them or none.
   *
   * @throws IllegalArgumentException naming what is missing, left over, or of another type
   */
  public final void load(Map<String, Tensor> values) {
    Tensors.restore("the model", state(), values);
  }

  /** The number of trainable elements. */
  public final long parameterCount() {
    return parameters().stream().mapToLong(parameter -> parameter.type().size()).sum();
  }

  private void visit(String prefix, BiConsumer<String, Slot> visitor) {
    slots.forEach((name, slot) -> visitor.accept(prefix + name, slot));
    children.forEach((name, child) -> child.visit(prefix + name + ".", visitor));
  }
}
