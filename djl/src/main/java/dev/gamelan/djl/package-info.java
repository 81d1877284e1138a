/** For programs that have DJL: its arrays, models and translators, step by step beside Gamelan. */
@NullMarked
package dev.gamelan.djl;

import org.jspecify.annotations.NullMarked;
