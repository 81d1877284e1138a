/**
 * MXNet as an engine: what it computes of a graph becomes symbols, which its CachedOp runs; what it
 * has no op for is computed by the reference engine's kernels, and loops are driven from here.
 */
@NullMarked
package dev.gamelan.mxnet;

import org.jspecify.annotations.NullMarked;
