/** Optimisers: how a gradient becomes an update. */
@NullMarked
package dev.gamelan.optim;

import org.jspecify.annotations.NullMarked;
