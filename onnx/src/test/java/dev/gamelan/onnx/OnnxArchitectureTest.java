package dev.gamelan.onnx;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The import rules of docs/architecture.md for ONNX: onnx → read, write → proto. */
class OnnxArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.gamelan.onnx");

  @Test
  void messagesKnowNothingOfGraphs() {
    noClasses()
        .that()
        .resideInAPackage("dev.gamelan.onnx.proto")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "dev.gamelan.onnx.read",
            "dev.gamelan.onnx.write",
            "dev.gamelan.ir",
            "dev.gamelan.tensor")
        .check(CLASSES);
  }

  @Test
  void readingAndWritingKnowNothingOfEachOther() {
    noClasses()
        .that()
        .resideInAPackage("dev.gamelan.onnx.read")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.gamelan.onnx.write")
        .check(CLASSES);
    noClasses()
        .that()
        .resideInAPackage("dev.gamelan.onnx.write")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.gamelan.onnx.read")
        .check(CLASSES);
  }
}
