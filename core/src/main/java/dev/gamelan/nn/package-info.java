/** Layers: named parameters and children, and the function they compute. */
@NullMarked
package dev.gamelan.nn;

import org.jspecify.annotations.NullMarked;
