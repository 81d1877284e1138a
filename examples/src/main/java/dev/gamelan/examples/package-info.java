/** Programs that show one thing each. */
@NullMarked
package dev.gamelan.examples;

import org.jspecify.annotations.NullMarked;
