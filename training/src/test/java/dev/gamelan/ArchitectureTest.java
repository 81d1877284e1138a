package dev.gamelan;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The import rules of docs/architecture.md for training: train → data → io. */
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.gamelan.train", "dev.gamelan.data", "dev.gamelan.io");

  @Test
  void dataKnowsNothingOfTraining() {
    noClasses()
        .that()
        .resideInAnyPackage("dev.gamelan.data..", "dev.gamelan.io..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.gamelan.train..")
        .check(CLASSES);
  }

  @Test
  void formatsKnowNothingOfDatasetsAndModels() {
    noClasses()
        .that()
        .resideInAPackage("dev.gamelan.io..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.gamelan.data..", "dev.gamelan.nn..", "dev.gamelan.optim..")
        .check(CLASSES);
  }
}
