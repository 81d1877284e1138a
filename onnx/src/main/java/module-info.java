/** ONNX models: imported as graphs that every engine runs and trains, and exported. */
module dev.gamelan.onnx {
  requires transitive dev.gamelan.core;
  requires dev.gamelan.training;

  exports dev.gamelan.onnx;
}
