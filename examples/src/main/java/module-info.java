/** Programs that show one thing each. */
module dev.gamelan.examples {
  requires dev.gamelan;
  requires dev.gamelan.onnx;
  requires info.picocli;

  opens dev.gamelan.examples to
      info.picocli;
}
