package dev.gamelan.ir;

import dev.gamelan.type.TensorType;

/** A position in the text of a graph. */
final class TextCursor {
  private final String text;
  private int position;

  TextCursor(String text) {
    this.text = text;
  }

  boolean accept(String token) {
    skipSpace();
    if (!text.startsWith(token, position)) return false;
    position += token.length();
    return true;
  }

  void expect(String token) {
    if (!accept(token)) throw error("'" + token + "'");
  }

  boolean atEnd() {
    skipSpace();
    return position == text.length();
  }

  /** A name or number: everything up to white space or punctuation. */
  String word() {
    skipSpace();
    int start = position;
    while (position < text.length() && isWord(text.charAt(position))) position++;
    if (start == position) throw error("a name or number");
    return text.substring(start, position);
  }

  int integer() {
    skipSpace();
    int start = position;
    while (position < text.length() && Character.isDigit(text.charAt(position))) position++;
    if (start == position || position - start > 9) throw error("a number");
    return Integer.parseInt(text, start, position, 10);
  }

  /** The number after ':' where it follows at once; 0 where it does not. */
  int acceptIndex() {
    boolean follows =
        position + 1 < text.length()
            && text.charAt(position) == ':'
            && Character.isDigit(text.charAt(position + 1));
    if (!follows) return 0;
    position++;
    return integer();
  }

  TensorType type() {
    var dtype = word();
    return TensorType.parse(dtype + brackets());
  }

  /** Everything from '[' to ']'. */
  String brackets() {
    skipSpace();
    int end = text.indexOf(']', position);
    if (end < 0 || text.charAt(position) != '[') throw error("'['");
    var inside = text.substring(position, end + 1);
    position = end + 1;
    return inside;
  }

  /** A quoted string. */
  String string() {
    expect("\"");
    var result = new StringBuilder();
    while (position < text.length() && text.charAt(position) != '"') {
      char c = text.charAt(position++);
      if (c == '\\' && position < text.length()) {
        c = text.charAt(position++);
        if (c == 'n') c = '\n';
      }
      result.append(c);
    }
    expect("\"");
    return result.toString();
  }

  IllegalArgumentException error(String expected) {
    int line = (int) text.substring(0, position).lines().count();
    var rest = text.substring(position, Math.min(text.length(), position + 30));
    return new IllegalArgumentException(
        "line %d: expected %s before '%s'".formatted(Math.max(line, 1), expected, rest));
  }

  private static boolean isWord(char c) {
    return Character.isLetterOrDigit(c) || c == '_' || c == '.' || c == '-' || c == '+';
  }

  private void skipSpace() {
    while (position < text.length() && Character.isWhitespace(text.charAt(position))) position++;
  }
}
