module xor {
  requires dev.gamelan.training;
}
