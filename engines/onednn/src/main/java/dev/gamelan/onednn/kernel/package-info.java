/** A small IR for loops over rows, and its emission as AVX2 or AVX-512 machine code. */
@NullMarked
package dev.gamelan.onednn.kernel;

import org.jspecify.annotations.NullMarked;
