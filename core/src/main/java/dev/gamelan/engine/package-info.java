/**
 * What an engine offers, where engines are found, and the reference engine that defines every op.
 */
@NullMarked
package dev.gamelan.engine;

import org.jspecify.annotations.NullMarked;
