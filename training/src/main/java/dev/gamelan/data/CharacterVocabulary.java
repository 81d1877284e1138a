package dev.gamelan.data;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** A token for each character (Unicode code point) of a text, in the order of their codes. */
public final class CharacterVocabulary {
  private final int[] characters;
  private final Map<Integer, Integer> tokens = new HashMap<>();

  private CharacterVocabulary(int[] characters) {
    this.characters = characters;
    for (int token = 0; token < characters.length; token++) tokens.put(characters[token], token);
  }

  /** The characters that occur in {@code text}. */
  public static CharacterVocabulary of(String text) {
    return new CharacterVocabulary(text.codePoints().distinct().sorted().toArray());
  }

  public int size() {
    return characters.length;
  }

  /**
   * @throws IllegalArgumentException naming a character that is not in the vocabulary
   */
  public int[] encode(String text) {
    return text.codePoints()
        .map(
            character -> {
              var token = tokens.get(character);
              if (token != null) return token;
              throw new IllegalArgumentException(
                  "the vocabulary has no '%s'; it is of another text"
                      .formatted(Character.toString(character)));
            })
        .toArray();
  }

  public String decode(int[] encoded) {
    var codes = Arrays.stream(encoded).map(token -> characters[token]).toArray();
    return new String(codes, 0, codes.length);
  }
}
