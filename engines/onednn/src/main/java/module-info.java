/** The embedded CPU engine: oneDNN, and machine code of our own. */
module dev.gamelan.onednn {
  requires dev.gamelan.core;
}
