package io.millrace.executor;

import io.millrace.executor.cpu.GemmTiles;
import io.millrace.memory.BadInputException;

/**
 * How much a forward may ask of its scratch memory at once. Rows are tokens, padded as {@link
 * MicroBatch#padded} says.
 *
 * @param batchRows rows of all micro-batches together
 * @param microBatchRows rows of the largest micro-batch
 * @param scales scales of all probes together
 * @param scalesPerProbe scales of the probe with the most
 * @param keptTokens tokens whose keys and values stay for later ones; 0 keeps none
 * @param longest tokens of the longest sequence
 */
record ScratchSize(
        int batchRows,
        int microBatchRows,
        int scales,
        int scalesPerProbe,
        int keptTokens,
        int longest) {
    private static final long MOST_ROWS = Integer.MAX_VALUE - GemmTiles.ROW_QUANTUM;

    /**
     * The size for batches of sequences.
     *
     * @param sequences sequences of a batch
     * @param sequencesEach sequences of a micro-batch
     * @param longest tokens of the longest sequence
     * @param probes probes of a step
     * @param scalesPerProbe scales of each
     * @throws BadInputException when rows are too many to be counted
     */
    static ScratchSize batches(
            int sequences, int sequencesEach, int longest, int probes, int scalesPerProbe) {
        long quanta = Math.ceilDiv((long) sequencesEach * longest, GemmTiles.ROW_QUANTUM);
        long rows = quanta * GemmTiles.ROW_QUANTUM;
        long batchRows = rows * Math.ceilDiv(sequences, sequencesEach);
        if (batchRows > MOST_ROWS) {
            throw new BadInputException(
                    "--batch-size",
                    sequences + " x " + longest + " tokens are more than a step can take",
                    "give a smaller --batch-size or --seq-len");
        }
        long scales = (long) probes * scalesPerProbe;
        if (scales * batchRows > MOST_ROWS) {
            throw new BadInputException(
                    "--queries",
                    probes + " with " + batchRows + " tokens are more than a step can take",
                    "give fewer");
        }
        return new ScratchSize(
                (int) batchRows, (int) rows, (int) scales, scalesPerProbe, 0, longest);
    }

    /** The size for one sequence that goes on token by token. */
    static ScratchSize continuation(int prompt, int longest) {
        int rows = MicroBatch.padded(prompt);
        return new ScratchSize(rows, rows, 1, 1, longest, longest);
    }
}
