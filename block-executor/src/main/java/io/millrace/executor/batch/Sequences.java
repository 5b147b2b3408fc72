package io.millrace.executor.batch;

import java.util.Arrays;

/** Which rows of a packed micro-batch belong together, and what follows from it. */
public final class Sequences {
    private final int[] starts;
    private final int[] positions;
    private final int past;

    private Sequences(int[] starts, int past) {
        this.starts = starts;
        this.past = past;
        positions = new int[starts[starts.length - 1]];
        for (int sequence = 0; sequence + 1 < starts.length; sequence++) {
            for (int row = starts[sequence]; row < starts[sequence + 1]; row++) {
                positions[row] = past + row - starts[sequence];
            }
        }
    }

    /**
     * Sequences that begin in this micro-batch.
     *
     * @param starts first row of each, none of them empty, and the number of rows at the end
     */
    public static Sequences fresh(int[] starts) {
        return new Sequences(starts, 0);
    }

    /** One sequence of which {@code past} tokens went before, whose keys and values are kept. */
    public static Sequences continued(int past, int tokens) {
        return new Sequences(new int[] {0, tokens}, past);
    }

    /** The same with so many more tokens at the beginning of each. */
    Sequences withVirtual(int tokens) {
        if (past > 0) {
            return new Sequences(starts, past + tokens);
        }
        int[] wider = new int[starts.length];
        for (int sequence = 0; sequence < wider.length; sequence++) {
            wider[sequence] = starts[sequence] + sequence * tokens;
        }
        return new Sequences(wider, 0);
    }

    /** First row of each sequence, and the number of rows at the end. */
    public int[] starts() {
        return starts;
    }

    /** Each row's place in its sequence. */
    public int[] positions() {
        return positions;
    }

    /** Tokens before the first row, whose keys and values are kept. */
    public int past() {
        return past;
    }

    public int tokenCount() {
        return positions.length;
    }

    /** Past the last row of the sequence that a row is of. */
    public int endAt(int row) {
        return starts[sequenceOf(row) + 1];
    }

    /** Tokens of the sequence that a row is of, those before the first row included. */
    public int lengthAt(int row) {
        return past + length(sequenceOf(row));
    }

    private int sequenceOf(int row) {
        int found = Arrays.binarySearch(starts, row);
        return found >= 0 ? found : -found - 2;
    }

    /** Rows of a sequence. */
    public int length(int sequence) {
        return starts[sequence + 1] - starts[sequence];
    }
}
