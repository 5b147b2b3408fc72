/**
 * Steps along the gradient by blocks: forward with what comes into each layer kept, and back from
 * the head, each block made once more for a micro-batch and gone through in reverse.
 *
 * <pre>
 * BackwardPass          a step over the feed's blocks, in the order of a GradientWay
 *   BlockInterpreter    forward, in the scratch memory of all forwards
 *   BackwardInterpreter forward once more on a Tape, and back, an operator of a …Backward each
 *   ExpertBackward      the same of one expert and the rows that chose it
 *   BlockUpdate         what a rule does with the BlockGradients, while the block is there
 * </pre>
 *
 * <p>One thread leads; workers share an operator in pieces that shapes alone decide, so that their
 * number decides no bit. A {@link io.millrace.executor.cpu.gradient.BackwardPlan} says before
 * anything is allocated what it takes.
 */
package io.millrace.executor.cpu.gradient;
