package io.millrace.executor;

/**
 * Which rows of a packed micro-batch belong together.
 *
 * @param starts first row of each sequence, and the number of rows at the end
 * @param past tokens that came before the first row, whose keys and values are kept; 0 but for one
 *     sequence that is being generated
 * @param positions each row's place in its sequence
 */
record Sequences(int[] starts, int past, int[] positions) {

    /** Sequences that begin in this micro-batch. */
    static Sequences fresh(int[] starts) {
        return of(starts, 0);
    }

    /** One sequence of which {@code past} tokens went before. */
    static Sequences continued(int past, int tokens) {
        return of(new int[] {0, tokens}, past);
    }

    private static Sequences of(int[] starts, int past) {
        int[] positions = new int[starts[starts.length - 1]];
        for (int sequence = 0; sequence + 1 < starts.length; sequence++) {
            for (int row = starts[sequence]; row < starts[sequence + 1]; row++) {
                positions[row] = past + row - starts[sequence];
            }
        }
        return new Sequences(starts, past, positions);
    }

    int count() {
        return starts.length - 1;
    }

    int tokenCount() {
        return starts[starts.length - 1];
    }
}
