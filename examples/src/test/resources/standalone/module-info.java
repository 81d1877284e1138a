module xor {
  requires dev.gamelan;
}
