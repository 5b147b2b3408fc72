package io.millrace.executor.step;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.memory.BadInputException;
import io.millrace.optim.estimate.Questions;

/**
 * How much a forward may ask of its scratch memory at once. Rows are tokens, padded as {@link
 * MicroBatch#padded} says.
 *
 * @param batchRows rows of all micro-batches together
 * @param microBatchRows rows of the largest micro-batch
 * @param scales scales of all queries together
 * @param scalesAtOnce scales that go through a block together: of the query with the most, or more
 * @param formedScales scales that a matrix is formed for at once
 * @param directions terms of a step's update
 * @param lengths of sequences
 * @param batches batches of one pass: one for all queries, or one each
 */
public record ScratchSize(
        int batchRows,
        int microBatchRows,
        int scales,
        int scalesAtOnce,
        int formedScales,
        int directions,
        Lengths lengths,
        int batches) {
    /**
     * Tokens of sequences.
     *
     * @param kept tokens whose keys and values stay for later ones; 0 keeps none
     * @param longest of the longest sequence
     * @param sequences of a micro-batch
     */
    public record Lengths(int kept, int longest, int sequences) {}

    /** Of folds alone, for which no states are kept. */
    public static final ScratchSize NONE =
            new ScratchSize(0, 0, 1, 1, 1, 1, new Lengths(0, 0, 0), 1);

    private static final int MOST_SCALES_AT_ONCE = 64;

    /**
     * Four tiles of rows: then a panel of a matrix is read from memory often enough for its use.
     */
    public static final int MOST_ROWS_AT_ONCE = 4096;

    private static final long MOST_SIDE_FLOATS = 1L << 24;

    /** Rows are numbered in ints; a row is a vector of thousands of numbers. */
    private static final long MAX_ROWS = Integer.MAX_VALUE - MicroBatch.ROW_QUANTUM;

    /** Times the widest vector of any model, its bytes are still a long. */
    private static final long MAX_SCALED_ROWS = 1L << 34;

    /**
     * The size for batches of sequences.
     *
     * @param sequences sequences of a batch
     * @param sequencesEach sequences of a micro-batch
     * @param longest tokens of the longest sequence
     * @param questions what is asked of each
     * @throws BadInputException when that are more rows than any memory has room for
     */
    public static ScratchSize batches(
            int sequences, int sequencesEach, int longest, Questions questions) {
        long quantum = MicroBatch.ROW_QUANTUM;
        long rows = Math.ceilDiv((long) sequencesEach * longest, quantum) * quantum;
        long microBatches = Math.ceilDiv(sequences, sequencesEach);
        // The first factor is below 2^62 + 2^31, but the product of both need not be.
        boolean fits = rows <= MAX_ROWS && rows * microBatches <= MAX_ROWS;
        if (!fits) {
            throw new BadInputException(
                    "--batch-size",
                    sequences
                            + " sequences of "
                            + longest
                            + " tokens are more than "
                            + MAX_ROWS
                            + " rows",
                    "give a smaller one, or a smaller --seq-len");
        }
        long scales = questions.allScales();
        if (scales * rows * microBatches > MAX_SCALED_ROWS) {
            throw new BadInputException(
                    "--queries",
                    questions.queries()
                            + " of them hold more than "
                            + MAX_SCALED_ROWS
                            + " rows of hidden states at once",
                    "give fewer, or a smaller --batch-size or --seq-len");
        }
        return new ScratchSize(
                (int) (rows * microBatches),
                (int) rows,
                (int) scales,
                questions.mostScales(),
                questions.mostScales(),
                questions.directions(),
                new Lengths(0, longest, Math.min(sequences, sequencesEach)),
                1);
    }

    /**
     * The same with virtual tokens before every sequence.
     *
     * @param tokens how many
     * @throws BadInputException when that are more rows than any memory has room for
     */
    public ScratchSize withVirtual(int tokens) {
        if (tokens == 0 || microBatchRows == 0) {
            return this;
        }
        long quantum = MicroBatch.ROW_QUANTUM;
        long more = Math.ceilDiv((long) lengths.sequences * tokens, quantum) * quantum;
        long all = batchRows + batchRows / microBatchRows * more;
        if (all > MAX_ROWS || all * scales > MAX_SCALED_ROWS) {
            throw new BadInputException(
                    "--batch-size",
                    tokens + " virtual tokens before every sequence are more rows than any memory",
                    "give a smaller one, or fewer of them");
        }
        return new ScratchSize(
                (int) all,
                (int) (microBatchRows + more),
                scales,
                scalesAtOnce,
                formedScales,
                directions,
                new Lengths(
                        lengths.kept == 0 ? 0 : lengths.kept + tokens,
                        lengths.longest + tokens,
                        lengths.sequences),
                batches);
    }

    /**
     * The same where blocks also work on the rows of a table, as if these were a micro-batch.
     *
     * @param rows how many; 0 for none
     */
    public ScratchSize withTable(int rows) {
        if (microBatchRows == 0) {
            return this;
        }
        return new ScratchSize(
                batchRows,
                Math.max(microBatchRows, MicroBatch.padded(rows)),
                scales,
                scalesAtOnce,
                formedScales,
                directions,
                lengths,
                batches);
    }

    /** The same where every scale is a query that sees sequences of its own. */
    public ScratchSize apart() {
        return new ScratchSize(
                batchRows,
                microBatchRows,
                scales,
                scalesAtOnce,
                formedScales,
                directions,
                lengths,
                scales);
    }

    /**
     * The size where matrices stay as they are stored, so that products take the rows of several
     * queries: as many as there is something to gain by, and one query at least. It follows from
     * the run's options and from shapes, never from free memory, since the shapes of products do.
     *
     * @param sideFloats of the longest left factor of one scale
     */
    public ScratchSize together(long sideFloats) {
        long rows = MOST_ROWS_AT_ONCE / Math.max(1, microBatchRows);
        long sides = MOST_SIDE_FLOATS / Math.max(1, sideFloats);
        long most = Math.min(Math.min(MOST_SCALES_AT_ONCE, scales), Math.min(rows, sides));
        return new ScratchSize(
                batchRows,
                microBatchRows,
                scales,
                (int) Math.max(scalesAtOnce, most),
                1,
                directions,
                lengths,
                batches);
    }

    /** Rows that go through a block together, of all scales that do. */
    public long rowsAtOnce() {
        return (long) scalesAtOnce * microBatchRows;
    }

    /** Tokens whose keys and values stay for later ones; 0 keeps none. */
    public int keptTokens() {
        return lengths.kept;
    }

    /** Tokens of the longest sequence. */
    public int longest() {
        return lengths.longest;
    }

    /** Rows of projections that one layer has room for. */
    public long projectedRows() {
        return (long) microBatchRows + keptTokens();
    }

    /** The size for one sequence that goes on token by token. */
    public static ScratchSize continuation(int prompt, int longest) {
        int rows = MicroBatch.padded(prompt);
        return new ScratchSize(rows, rows, 1, 1, 1, 1, new Lengths(longest, longest, 1), 1);
    }
}
