/** ONNX models: imported as graphs that every engine runs and trains, and exported. */
@NullMarked
package dev.gamelan.onnx;

import org.jspecify.annotations.NullMarked;
