/**
 * TensorFlow as an engine. {@link dev.gamelan.tensorflow.XlaGraph} wraps a graph's StableHLO into a
 * GraphDef, and {@link dev.gamelan.tensorflow.TensorFlowExecutable} runs it in one call of the C
 * API, which is stable and needs no other Java code.
 */
@NullMarked
package dev.gamelan.tensorflow;

import org.jspecify.annotations.NullMarked;
