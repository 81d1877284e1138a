/** From a graph of ours to the nodes of an ONNX model. */
@NullMarked
package dev.gamelan.onnx.write;

import org.jspecify.annotations.NullMarked;
