/** Executable memory, and what the CPU can run. */
@NullMarked
package dev.gamelan.onednn.code;

import org.jspecify.annotations.NullMarked;
