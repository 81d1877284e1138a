package dev.gamelan.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A short program outside of the project, compiled and run as its users would, without JVM flags.
 */
class StandaloneProgramTest {
  private static final Pattern NATIVE_ACCESS =
      Pattern.compile("^$|[Rr]estricted method|java.lang.foreign|--enable-native-access");
  private static final String XOR = "i32[4] [0, 1, 1, 0]";

  @TempDir Path folder;

  @Test
  void itTrainsAndPredictsOnTheClassPath() throws Exception {
    var path = path();
    run("javac", "-cp", path, "-d", folder.toString(), source("Xor.java"));
    assertEquals(XOR, run("java", "-cp", path + File.pathSeparator + folder, "xor.Xor"));
  }

  @Test
  void itTrainsAndPredictsOnTheModulePath() throws Exception {
    var path = path();
    run(
        "javac",
        "-p",
        path,
        "-d",
        folder.toString(),
        source("Xor.java"),
        source("module-info.java"));
    assertEquals(XOR, run("java", "-p", path + File.pathSeparator + folder, "-m", "xor/xor.Xor"));
  }

  @Test
  void itRunsFromOneJarOfEverything() throws Exception {
    var path = path();
    run("javac", "-cp", path, "-d", folder.toString(), source("Xor.java"));
    var jar = folder.resolve("all.jar");
    try (var out = new JarOutputStream(Files.newOutputStream(jar))) {
      var names = new HashSet<String>();
      for (var entry : (path + File.pathSeparator + folder).split(File.pathSeparator)) {
        addAll(Path.of(entry), out, names);
      }
    }
    assertEquals(XOR, run("java", "-cp", jar.toString(), "xor.Xor"));
  }

  @Test
  void itRunsInTwoClassLoadersOfOneJvm() throws Exception {
    var path = path();
    run("javac", "-cp", path, "-d", folder.toString(), source("Xor.java"));
    var urls = new ArrayList<URL>();
    for (var entry : (path + File.pathSeparator + folder).split(File.pathSeparator)) {
      urls.add(Path.of(entry).toUri().toURL());
    }
    for (int i = 0; i < 2; i++) {
      var platform = ClassLoader.getPlatformClassLoader();
      try (var loader = new URLClassLoader(urls.toArray(URL[]::new), platform)) {
        var bytes = new ByteArrayOutputStream();
        var standard = System.out;
        System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
          loader.loadClass("xor.Xor").getMethod("main", String[].class).invoke(null, (Object) null);
        } finally {
          System.setOut(standard);
        }
        assertEquals(XOR, bytes.toString(StandardCharsets.UTF_8).strip());
      }
    }
  }

  /** The files of a folder or jar, but for a second of one name and what only modules need. */
  private static void addAll(Path from, JarOutputStream out, Set<String> names) throws IOException {
    if (Files.isDirectory(from)) {
      try (var files = Files.walk(from)) {
        for (var file : files.filter(Files::isRegularFile).toList()) {
          add(
              from.relativize(file).toString().replace('\\', '/'),
              Files.readAllBytes(file),
              out,
              names);
        }
      }
      return;
    }
    try (var jar = new JarFile(from.toFile())) {
      for (var entry : Collections.list(jar.entries())) {
        if (entry.isDirectory()) continue;
        try (var in = jar.getInputStream(entry)) {
          add(entry.getName(), in.readAllBytes(), out, names);
        }
      }
    }
  }

  private static void add(String name, byte[] bytes, JarOutputStream out, Set<String> names)
      throws IOException {
    if (name.endsWith("module-info.class") || name.endsWith(".jar") || !names.add(name)) return;
    out.putNextEntry(new JarEntry(name));
    out.write(bytes);
    out.closeEntry();
  }

  private static String source(String name) {
    return Path.of("src", "test", "resources", "standalone", name).toString();
  }

  private static final Pattern OTHERS =
      Pattern.compile("examples|junit|pytorch|tensorflow|mxnet|djl|slf4j");

  /** What a dependency on gamelan brings: nothing of tests, of this module or of other engines. */
  private static String path() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !OTHERS.matcher(entry).find())
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static String run(String tool, String... arguments)
      throws IOException, InterruptedException {
    var command =
        new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", tool).toString()));
    command.addAll(List.of(arguments));
    var output = Files.createTempFile("standalone", ".txt");
    var errors = Files.createTempFile("standalone", ".txt");
    var process =
        new ProcessBuilder(command)
            .redirectOutput(output.toFile())
            .redirectError(errors.toFile())
            .start();
    int status = process.waitFor();
    var text = Files.readString(output).strip();
    var complaints = Files.readString(errors).strip();
    Files.delete(output);
    Files.delete(errors);
    assertEquals(0, status, text + complaints);
    // Without the flag that allows it, the JVM remarks that native code is called; nothing else.
    for (var line : complaints.lines().toList()) {
      assertTrue(NATIVE_ACCESS.matcher(line).find(), complaints);
    }
    return text;
  }
}
