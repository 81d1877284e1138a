package dev.gamelan.djl;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TorchScriptSignatureTest {
  @TempDir Path folder;

  /** An archive with a class of another name before the module's, whose method is given. */
  private TorchScriptSignature read(String method) throws IOException {
    var file = folder.resolve("net.pt");
    try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
      put(zip, "net/data.pkl", "\u0002c__torch__.nets\nNet\n)");
      put(
          zip,
          "net/code/__torch__/nets.py",
          """
          class Part(Module):
            def forward(self: __torch__.nets.Part,
              other: Tensor) -> Tensor:
              return other
          class Net(Module):
          """
              + method);
    }
    return TorchScriptSignature.read(file);
  }

  private static void put(ZipOutputStream zip, String name, String text) throws IOException {
    zip.putNextEntry(new ZipEntry(name));
    zip.write(text.getBytes(UTF_8));
    zip.closeEntry();
  }

  @Test
  void argumentsWithDefaultsAreNoInputs() throws IOException {
    var signature =
        read(
            """
              def forward(self: __torch__.nets.Net,
                x: Tensor,
                size: Tuple[int, int]=(1, 2),
                scale: float=2.) -> Tuple[Tensor, Tensor]:
                return (x, x)
            """);
    assertEquals("[x: ?[..]]", signature.inputs().toString());
    assertEquals("[0: ?[..], 1: ?[..]]", signature.outputs().toString());
  }

  @Test
  void aListOfResultsHasNoKnownLength() throws IOException {
    var signature =
        read(
            """
              def forward(self: __torch__.nets.Net,
                x: Tensor,
                named: Dict[str, Tensor]) -> List[Tensor]:
                return [x]
            """);
    assertEquals("[x: ?[..], named: ?[..]]", signature.inputs().toString());
    assertEquals("[]", signature.outputs().toString());
  }

  @Test
  void aModuleWithoutForwardIsAnError() {
    assertThrows(
        IOException.class,
        () -> read("  def other(self: __torch__.nets.Net) -> int:\n    return 1\n"));
  }
}
