package dev.gamelan.data;

/**
 * Colours by hue, saturation and value.
 *
 * <p>Reference: [1] Smith, Color Gamut Transform Pairs, SIGGRAPH 1978: the hexcone model.
 */
final class Hue {
  private Hue() {}

  /** A colour with its hue turned by a part of the circle. */
  static float[] turned(float r, float g, float b, double turn) {
    double value = Math.max(r, Math.max(g, b));
    double chroma = value - Math.min(r, Math.min(g, b));
    double saturation = value == 0 ? 0 : chroma / value;
    double sixths = (hue(r, g, b, value, chroma) + turn * 6) % 6;
    if (sixths < 0) sixths += 6;
    int sextant = (int) Math.floor(sixths) % 6;
    double rest = sixths - Math.floor(sixths);
    float v = (float) value;
    float p = cut(value * (1 - saturation));
    float q = cut(value * (1 - saturation * rest));
    float t = cut(value * (1 - saturation * (1 - rest)));
    return switch (sextant) {
      case 0 -> new float[] {v, t, p};
      case 1 -> new float[] {q, v, p};
      case 2 -> new float[] {p, v, t};
      case 3 -> new float[] {p, q, v};
      case 4 -> new float[] {t, p, v};
      default -> new float[] {v, p, q};
    };
  }

  /** In sixths of the circle; 0 of grey. */
  private static double hue(float r, float g, float b, double value, double chroma) {
    if (chroma == 0) return 0;
    if (r == value) return (g - b) / chroma;
    if (g == value) return 2 + (b - r) / chroma;
    return 4 + (r - g) / chroma;
  }

  private static float cut(double x) {
    return (float) Math.clamp(x, 0.0, 1.0);
  }
}
