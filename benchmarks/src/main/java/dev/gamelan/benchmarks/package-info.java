/**
 * Whole programs, timed side by side with what a user would pick instead. {@link
 * dev.gamelan.benchmarks.Bench} is the command; a {@link dev.gamelan.benchmarks.Program} is what
 * each {@link dev.gamelan.benchmarks.Contender} computes.
 */
@NullMarked
package dev.gamelan.benchmarks;

import org.jspecify.annotations.NullMarked;
