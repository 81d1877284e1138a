package dev.gamelan.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of a machine with 1,000 KiB. */
class HostMemoryTest {
  private static final long MACHINE = 1000 << 10;

  @TempDir Path folder;

  @BeforeEach
  void machine() throws IOException {
    write("proc/meminfo", "MemTotal:           1000 kB\nMemFree:            10 kB\n");
  }

  private void write(String file, String text) throws IOException {
    var path = folder.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text);
  }

  private long bytes(String groups) throws IOException {
    write("proc/self/cgroup", groups);
    return new HostMemory(folder.resolve("proc"), folder.resolve("groups")).ofKernel();
  }

  @Test
  void isTheMachinesWhereNoGroupLimitsIt() throws IOException {
    assertEquals(MACHINE, bytes("0::/\n"));
    write("groups/memory.max", "max\n");
    assertEquals(MACHINE, bytes("0::/\n"));
  }

  @Test
  void isTheLeastOfWhatTheGroupAndThoseAroundItAllow() throws IOException {
    write("groups/memory.max", "max\n");
    write("groups/a/memory.max", "5000\n");
    write("groups/a/b/memory.max", "7000\n");
    assertEquals(5000, bytes("0::/a/b\n"));
  }

  /** Version 1 names its controllers; in a container the path may be one of the host's. */
  @Test
  void isWhatTheOutermostGroupAllowsWhereThePathIsTheHosts() throws IOException {
    write("groups/memory/memory.limit_in_bytes", "6000\n");
    assertEquals(6000, bytes("3:cpu,cpuacct:/docker/x\n2:memory:/docker/x\n0::/\n"));
  }

  @Test
  void noLimitIsANumberBeyondTheMachine() throws IOException {
    write("groups/memory/memory.limit_in_bytes", "9223372036854771712\n");
    assertEquals(MACHINE, bytes("2:memory:/\n"));
  }

  @Test
  void aPathThatLeadsOutOfTheGroupsIsNotFollowed() throws IOException {
    write("memory.max", "1\n");
    assertEquals(MACHINE, bytes("0::/../..\n"));
  }

  @Test
  void isNotFoundWithoutTheKernelsFiles() {
    var nowhere = folder.resolve("nowhere");
    assertThrows(IOException.class, () -> new HostMemory(nowhere, nowhere).ofKernel());
  }

  /** The JVM's own answer, from the same files. */
  @Test
  void isWhatTheJvmFindsOut() {
    var system =
        (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    assertEquals(system.getTotalMemorySize(), HostMemory.bytes());
    assertTrue(HostMemory.bytes() > 0);
  }
}
