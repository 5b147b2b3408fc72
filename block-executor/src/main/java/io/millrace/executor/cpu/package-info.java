/**
 * The step on the workers of a CPU: a block's operators one after another.
 *
 * <pre>
 *   CpuEngine ── CpuPlan ──&gt; DecoderForward ──&gt; cpu.program.BlockInterpreter (LookupProgram, …)
 *                                │                        │ each operator asks for its weights
 *                                └ PassesPlan ──&gt; cpu.dense | cpu.lowrank  (by the form of the direction)
 *                                                         │
 *                                  cpu.weight, cpu.scratch│ formed weights, places for states
 *                                                         ▼
 *                                                      cpu.op   operators over memory, no model and no run
 * </pre>
 */
package io.millrace.executor.cpu;
