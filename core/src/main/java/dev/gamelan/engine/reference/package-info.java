/**
 * The plain Java engine that defines every op. Clear before fast: others are measured against it.
 */
@NullMarked
package dev.gamelan.engine.reference;

import org.jspecify.annotations.NullMarked;
