/** Memory beside the weights, planned before it is taken. */
package io.millrace.executor.cpu.scratch;
