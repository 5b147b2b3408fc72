package io.millrace.executor.batch;

import io.millrace.model.text.Batch;
import io.millrace.model.text.Example;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Cuts batches into what passes through a block together. */
public final class MicroBatches {
    private static final int NO_TARGET = -1;

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

    /**
     * The same where each place that is scored is asked for several ids, whatever its label.
     *
     * @param words the ids, in order
     */
    public static List<MicroBatch> asking(Batch batch, int sequencesEach, int[] words) {
        return scoring(batch, sequencesEach).stream().map(one -> one.asking(words)).toList();
    }

    /**
     * Micro-batches of whole sequences, each of which asks for what follows its last token.
     *
     * @param sequences their tokens
     * @param sequencesEach sequences of a micro-batch
     */
    public static List<MicroBatch> continuing(List<int[]> sequences, int sequencesEach) {
        List<MicroBatch> result = new ArrayList<>();
        for (int from = 0; from < sequences.size(); from += sequencesEach) {
            int to = Math.min(sequences.size(), from + sequencesEach);
            result.add(continuing(sequences.subList(from, to)));
        }
        return result;
    }

    private static MicroBatch continuing(List<int[]> sequences) {
        int[] starts = new int[sequences.size() + 1];
        int[] headRows = new int[sequences.size()];
        for (int sequence = 0; sequence < sequences.size(); sequence++) {
            starts[sequence + 1] = starts[sequence] + sequences.get(sequence).length;
            headRows[sequence] = starts[sequence + 1] - 1;
        }
        int[] ids = new int[starts[sequences.size()]];
        for (int sequence = 0; sequence < sequences.size(); sequence++) {
            int[] tokens = sequences.get(sequence);
            System.arraycopy(tokens, 0, ids, starts[sequence], tokens.length);
        }
        int[] targets = new int[headRows.length];
        Arrays.fill(targets, NO_TARGET);
        return new MicroBatch(ids, Sequences.fresh(starts), headRows, targets);
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
