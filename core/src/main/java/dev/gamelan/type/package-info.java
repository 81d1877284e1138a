/** Element types and shapes. Everything else stands on these. */
@NullMarked
package dev.gamelan.type;

import org.jspecify.annotations.NullMarked;
