/** The messages of the ONNX format, and protocol buffers' wire format that they are written in. */
@NullMarked
package dev.gamelan.onnx.proto;

import org.jspecify.annotations.NullMarked;
