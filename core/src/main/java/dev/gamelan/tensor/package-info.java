/** What a program holds: lazy, immutable tensors, parameters, gradients, compiled functions. */
@NullMarked
package dev.gamelan.tensor;

import org.jspecify.annotations.NullMarked;
