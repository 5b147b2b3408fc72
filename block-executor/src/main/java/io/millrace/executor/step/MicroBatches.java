package io.millrace.executor.step;

import io.millrace.model.text.Batch;
import io.millrace.model.text.Example;
import java.util.ArrayList;
import java.util.List;

/** Cuts batches into what passes through a block together. */
public final class MicroBatches {
    private MicroBatches() {}

    /**
     * Micro-batches of whole sequences, with head rows where something is scored.
     *
     * @param batch the step's sequences
     * @param sequencesEach sequences of a micro-batch
     */
    public static List<MicroBatch> scoring(Batch batch, int sequencesEach) {
        List<MicroBatch> result = new ArrayList<>();
        int rows = batch.rows();
        for (int from = 0; from < rows; from += sequencesEach) {
            result.add(scoring(batch.slice(from, Math.min(rows, from + sequencesEach))));
        }
        return result;
    }

    /** Head rows of all micro-batches. */
    public static int headRowCount(List<MicroBatch> microBatches) {
        int count = 0;
        for (MicroBatch batch : microBatches) {
            count += batch.headRows().length;
        }
        return count;
    }

    /** Rows of hidden states that all micro-batches take, padded. */
    public static int paddedRowCount(List<MicroBatch> microBatches) {
        int count = 0;
        for (MicroBatch batch : microBatches) {
            count += MicroBatch.padded(batch.tokenCount());
        }
        return count;
    }

    private static MicroBatch scoring(Batch batch) {
        int[] targets = batch.targets();
        int scored = batch.scoredTokens();
        int[] headRows = new int[scored];
        int[] headTargets = new int[scored];
        int at = 0;
        for (int row = 0; row < targets.length; row++) {
            if (targets[row] != Example.NOT_SCORED) {
                headRows[at] = row;
                headTargets[at++] = targets[row];
            }
        }
        return new MicroBatch(
                batch.ids(), Sequences.fresh(batch.sequenceStarts()), headRows, headTargets);
    }
}
