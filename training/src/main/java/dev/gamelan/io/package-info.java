/** File formats. */
@NullMarked
package dev.gamelan.io;

import org.jspecify.annotations.NullMarked;
