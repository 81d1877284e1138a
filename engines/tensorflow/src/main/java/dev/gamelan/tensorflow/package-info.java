/**
 * TensorFlow as an engine. A {@link dev.gamelan.tensorflow.Program} is a graph as a GraphDef: of
 * TensorFlow's own ops by {@link dev.gamelan.tensorflow.GraphLowering}, or one call of XLA; {@link
 * dev.gamelan.tensorflow.TensorFlowExecutable} runs it in one call of the C API, which is stable
 * and needs no other Java code.
 */
@NullMarked
package dev.gamelan.tensorflow;

import org.jspecify.annotations.NullMarked;
