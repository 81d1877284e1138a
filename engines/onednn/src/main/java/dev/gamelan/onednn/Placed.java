package dev.gamelan.onednn;

/** A view, and where its base lies. */
record Placed(View view, Storage storage) {
  int elementBytes() {
    return view.base().type().dtype().bits() / 8;
  }
}
