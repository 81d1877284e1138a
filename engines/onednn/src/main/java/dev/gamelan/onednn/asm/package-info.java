/** x86-64 encodings. */
@NullMarked
package dev.gamelan.onednn.asm;

import org.jspecify.annotations.NullMarked;
