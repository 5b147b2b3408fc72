package io.millrace.stream;

/**
 * What is done to a block in a pass: a function of the block's bytes and the pass's input, and of
 * nothing that another run of the program would have otherwise. Where a kill has lost a block's
 * newest bytes, it is asked for them again.
 */
@FunctionalInterface
public interface BlockWork {
    /** An output of no numbers, for work that only changes blocks. */
    double[] NOTHING = new double[0];

    /**
     * Computes, and changes the block if it likes; called on the thread that asked for the pass.
     *
     * @param block the block, for the time of this call
     * @return what the pass gives for this block; may be empty
     * @throws Exception which ends the pass, and the stream
     */
    double[] on(Block block) throws Exception;
}
