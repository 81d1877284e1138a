/** The typed graph: ops, values, nodes; building, printing, parsing and verifying it. */
@NullMarked
package dev.gamelan.ir;

import org.jspecify.annotations.NullMarked;
