/** Programs that show one thing each. */
module dev.gamelan.examples {
  requires dev.gamelan;
  requires dev.gamelan.onnx;
  requires dev.gamelan.tck;
  requires info.picocli;

  opens dev.gamelan.examples to
      info.picocli;
}
