/**
 * Memory beside the weights, planned before it is taken: how a block's operators run here, and
 * where their values lie while they live.
 */
package io.millrace.executor.cpu.scratch;
