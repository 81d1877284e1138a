/**
 * PyTorch as an engine. {@link dev.gamelan.pytorch.PyTorchLowering} writes a graph as TorchScript,
 * {@link dev.gamelan.pytorch.TorchScriptArchive} packs it, and {@link
 * dev.gamelan.pytorch.PyTorchExecutable} runs it with one call for the whole graph.
 */
@NullMarked
package dev.gamelan.pytorch;

import org.jspecify.annotations.NullMarked;
