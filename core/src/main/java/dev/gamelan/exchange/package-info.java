/** Files, and models in those of other frameworks: what they take and give, and what we write. */
@NullMarked
package dev.gamelan.exchange;

import org.jspecify.annotations.NullMarked;
