/**
 * The way back on the workers of a CPU: one more interpreter of a block's program.
 *
 * <pre>
 *   BackwardPass ── GradientWay (which block comes when, and what for)
 *        │            there: cpu.program's interpreter, what comes into layers kept (BatchRows)
 *        │            back:  BackwardInterpreter over a Tape, a class for each kind of operator
 *        └ BlockUpdate ── cpu.param.RulePass: the rule changes a block before it leaves
 *   cpu.gradient.op   kernels over memory, no model and no run
 * </pre>
 */
package io.millrace.executor.cpu.gradient;
