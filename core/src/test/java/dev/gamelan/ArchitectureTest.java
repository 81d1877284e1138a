package dev.gamelan;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The import rules of docs/architecture.md: each package may use what stands to its right. */
class ArchitectureTest {
  /** From the highest layer to the lowest. */
  private static final List<List<String>> LAYERS =
      List.of(
          List.of("dev.gamelan.nn..", "dev.gamelan.optim.."),
          List.of("dev.gamelan.tensor.."),
          List.of("dev.gamelan.autodiff..", "dev.gamelan.engine..", "dev.gamelan.exchange.."),
          List.of("dev.gamelan.pass.."),
          List.of("dev.gamelan.ir.."),
          List.of("dev.gamelan.type.."));

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.gamelan");

  @Test
  void packagesUseOnlyWhatStandsToTheirRight() {
    for (int low = 1; low < LAYERS.size(); low++) {
      var above = new ArrayList<String>();
      LAYERS.subList(0, low).forEach(above::addAll);
      noClasses()
          .that()
          .resideInAnyPackage(LAYERS.get(low).toArray(String[]::new))
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(above.toArray(String[]::new))
          .check(CLASSES);
    }
  }

  @Test
  void enginesKnowNothingOfDifferentiation() {
    noClasses()
        .that()
        .resideInAPackage("dev.gamelan.engine..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.gamelan.autodiff..")
        .check(CLASSES);
  }

  @Test
  void theCoreUsesTheJdkAndJSpecifyOnly() {
    classes()
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage("dev.gamelan..", "java..", "com.sun.management..", "org.jspecify..")
        .check(CLASSES);
  }
}
