/**
 * A block's operators on the workers of a CPU, one after another: {@link
 * io.millrace.executor.cpu.program.BlockInterpreter} runs a schedule over a {@link
 * io.millrace.executor.cpu.program.BlockFrame}, whose places say where values lie. A class for each
 * kind of operator that is more than a call.
 */
package io.millrace.executor.cpu.program;
