package io.millrace.executor;

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

    /**
     * The size for batches of sequences.
     *
     * @param sequences sequences of a batch
     * @param sequencesEach sequences of a micro-batch
     * @param longest tokens of the longest sequence
     * @param probes probes of a step
     * @param scalesPerProbe scales of each
     */
    static ScratchSize batches(
            int sequences, int sequencesEach, int longest, int probes, int scalesPerProbe) {
        int rows = MicroBatch.padded(Math.multiplyExact(sequencesEach, longest));
        int microBatches = Math.ceilDiv(sequences, sequencesEach);
        return new ScratchSize(
                Math.multiplyExact(rows, microBatches),
                rows,
                probes * scalesPerProbe,
                scalesPerProbe,
                0,
                longest);
    }

    /** The size for one sequence that goes on token by token. */
    static ScratchSize continuation(int prompt, int longest) {
        int rows = MicroBatch.padded(prompt);
        return new ScratchSize(rows, rows, 1, 1, longest, longest);
    }
}
