/** The oneDNN library: where it comes from, its C API, its primitives. */
@NullMarked
package dev.gamelan.onednn.dnnl;

import org.jspecify.annotations.NullMarked;
