package dev.gamelan.onednn;

import dev.gamelan.type.DType;

/** Where weights lie that last, and in which dtype. */
record Weights(Storage storage, DType dtype) {}
