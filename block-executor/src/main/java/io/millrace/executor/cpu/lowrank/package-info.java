/** Directions of low rank: products with the stored weights, and thin factors beside them. */
package io.millrace.executor.cpu.lowrank;
