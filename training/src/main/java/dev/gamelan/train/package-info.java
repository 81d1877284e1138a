/** The training loop and what one wants to see of it. */
@NullMarked
package dev.gamelan.train;

import org.jspecify.annotations.NullMarked;
