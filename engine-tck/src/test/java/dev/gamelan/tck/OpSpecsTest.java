package dev.gamelan.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gamelan.ir.BinaryKind;
import dev.gamelan.ir.Op;
import dev.gamelan.ir.Primitive;
import dev.gamelan.ir.StandardComposite;
import dev.gamelan.ir.UnaryKind;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class OpSpecsTest {
  /** The only op that an engine need not have. */
  private static final String EXEMPT = "custom_call";

  @Test
  void everyOpHasARow() {
    var rows =
        OpSpecs.all().stream().map(OpSpec::op).collect(Collectors.toCollection(TreeSet::new));
    var ops = new TreeSet<String>();
    addLeaves(Primitive.class, ops);
    addLeaves(StandardComposite.class, ops);
    ops.remove("unary");
    ops.remove("binary");
    for (var kind : UnaryKind.values()) ops.add(kind.toString());
    for (var kind : BinaryKind.values()) ops.add(kind.toString());
    ops.remove(EXEMPT);
    assertEquals(ops, rows);
  }

  @Test
  void everyCaseIsOfTheRowsOp() {
    for (var spec : OpSpecs.all()) {
      for (var dtype : spec.dtypes()) {
        var names =
            spec.cases().apply(dtype).stream().map(c -> c.op().name()).collect(Collectors.toSet());
        if (!names.isEmpty()) assertEquals(Set.of(spec.op()), names);
      }
    }
  }

  private static void addLeaves(Class<?> type, Set<String> names) {
    for (var permitted : type.getPermittedSubclasses()) {
      if (permitted.isSealed()) addLeaves(permitted, names);
      else names.add(snakeCase(permitted.asSubclass(Op.class)));
    }
  }

  private static String snakeCase(Class<? extends Op> op) {
    return op.getSimpleName().replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
  }
}
