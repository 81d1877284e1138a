/** From the nodes of an ONNX model to a graph of ours, for inputs of known types. */
@NullMarked
package dev.gamelan.onnx.read;

import org.jspecify.annotations.NullMarked;
