/** Well-known architectures, one file each, with the parameter names of their checkpoints. */
@NullMarked
package dev.gamelan.models;

import org.jspecify.annotations.NullMarked;
