/** Rewrites of a graph, and the plan of its memory. */
@NullMarked
package dev.gamelan.pass;

import org.jspecify.annotations.NullMarked;
