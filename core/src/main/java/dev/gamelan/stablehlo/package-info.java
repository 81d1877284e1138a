/**
 * Graphs as StableHLO text, which XLA compilers read: {@link
 * dev.gamelan.stablehlo.StableHloPrinter} writes a module in the generic syntax of the
 * specification (https://openxla.org/stablehlo/spec).
 */
@NullMarked
package dev.gamelan.stablehlo;

import org.jspecify.annotations.NullMarked;
