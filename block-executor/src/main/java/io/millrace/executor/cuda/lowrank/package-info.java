/** Directions of low rank, on a card. */
package io.millrace.executor.cuda.lowrank;
