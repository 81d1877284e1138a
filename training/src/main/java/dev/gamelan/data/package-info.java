/** Datasets, and batches of them. */
@NullMarked
package dev.gamelan.data;

import org.jspecify.annotations.NullMarked;
