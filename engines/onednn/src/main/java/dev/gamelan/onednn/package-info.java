/**
 * The CPU engine. A graph becomes a program of steps: {@link dev.gamelan.onednn.Fusion} decides
 * which nodes are computed together, {@link dev.gamelan.onednn.Lowering} makes the steps, and
 * {@link dev.gamelan.onednn.OneDnnExecutable} runs them.
 */
@NullMarked
package dev.gamelan.onednn;

import org.jspecify.annotations.NullMarked;
