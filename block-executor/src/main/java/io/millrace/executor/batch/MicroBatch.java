package io.millrace.executor.batch;

import io.millrace.model.program.Op;

/**
 * Sequences that pass through a block together, without padding.
 *
 * @param ids token ids, one sequence after another
 * @param sequences which rows belong together
 * @param headRows the rows whose logits are wanted, in order; one may be there several times
 * @param targets for each head row the id it should predict, or −1 where only logits are wanted
 */
public record MicroBatch(int[] ids, Sequences sequences, int[] headRows, int[] targets) {
    /** Products work on so many rows at once: few shapes then serve texts of any length. */
    public static final int ROW_QUANTUM = 16;

    /**
     * The same with virtual tokens before every sequence that begins; where earlier tokens are
     * kept, theirs are too.
     *
     * @param virtual how many
     */
    public MicroBatch withVirtual(int virtual) {
        Sequences wider = sequences.withVirtual(virtual);
        if (sequences.past() > 0) {
            return new MicroBatch(ids, wider, headRows, targets);
        }
        int[] starts = sequences.starts();
        int[] all = new int[wider.tokenCount()];
        int[] heads = new int[headRows.length];
        int head = 0;
        for (int sequence = 0; sequence + 1 < starts.length; sequence++) {
            int shift = (sequence + 1) * virtual;
            int first = starts[sequence];
            System.arraycopy(ids, first, all, first + shift, sequences.length(sequence));
            for (; head < heads.length && headRows[head] < starts[sequence + 1]; head++) {
                heads[head] = headRows[head] + shift;
            }
        }
        return new MicroBatch(all, wider, heads, targets);
    }

    /**
     * What says which row of a table each token takes, before the offset.
     *
     * @param index its kind
     * @param offset added to it by who looks up
     */
    public int[] indices(Op.Index index, int offset) {
        return switch (index) {
            case ID -> ids;
            case POSITION -> sequences.positions();
            case TEXT_POSITION -> textPositions(offset - 1);
            case SEGMENT -> new int[ids.length];
            case ROW -> throw new IllegalArgumentException("rows are no token's");
        };
    }

    /**
     * The same where each head row is asked for several ids: it is there once for each, in their
     * order.
     */
    public MicroBatch asking(int[] words) {
        int[] rows = new int[headRows.length * words.length];
        int[] asked = new int[rows.length];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = headRows[i / words.length];
            asked[i] = words[i % words.length];
        }
        return new MicroBatch(ids, sequences, rows, asked);
    }

    private int[] textPositions(int padding) {
        int[] positions = new int[ids.length];
        int next = 0;
        for (int row = 0; row < ids.length; row++) {
            next = sequences.positions()[row] == sequences.past() ? sequences.past() : next;
            positions[row] = ids[row] == padding ? -1 : next++;
        }
        return positions;
    }

    public int tokenCount() {
        return ids.length;
    }

    /** Rows that a matrix of so many tokens has room for: products work on whole quanta. */
    public static int padded(int rows) {
        return Math.ceilDiv(rows, ROW_QUANTUM) * ROW_QUANTUM;
    }

    /** Rows of a matrix that products may write from any of the given rows on. */
    public static long withSlack(int rows) {
        return (long) rows + ROW_QUANTUM;
    }
}
