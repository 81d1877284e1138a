/** Conformance, random programs, threading, laziness and training, as test classes to extend. */
@NullMarked
package dev.gamelan.tck;

import org.jspecify.annotations.NullMarked;
