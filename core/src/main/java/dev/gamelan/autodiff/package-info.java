/** Differentiation as a rewrite of the graph. */
@NullMarked
package dev.gamelan.autodiff;

import org.jspecify.annotations.NullMarked;
