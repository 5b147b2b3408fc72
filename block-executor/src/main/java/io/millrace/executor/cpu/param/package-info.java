/**
 * Passes over parameters on a CPU: folds pending updates, forms what a query sees, a tile at a
 * time. Tensors are bytes in their stored dtype; arithmetic is float32, as the contract has it.
 */
package io.millrace.executor.cpu.param;
