package io.millrace.executor;

import io.millrace.executor.cpu.Attention;
import java.util.Arrays;

/** Which rows of a packed micro-batch belong together, and what follows from it. */
final class Sequences {
    private final int[] starts;
    private final int[] firstTiles;
    private final int[] positions;
    private final int past;

    private Sequences(int[] starts, int past) {
        this.starts = starts;
        this.past = past;
        positions = new int[starts[starts.length - 1]];
        firstTiles = new int[starts.length];
        for (int sequence = 0; sequence + 1 < starts.length; sequence++) {
            firstTiles[sequence + 1] =
                    firstTiles[sequence] + Attention.queryTiles(length(sequence));
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
    static Sequences fresh(int[] starts) {
        return new Sequences(starts, 0);
    }

    /** One sequence of which {@code past} tokens went before, whose keys and values are kept. */
    static Sequences continued(int past, int tokens) {
        return new Sequences(new int[] {0, tokens}, past);
    }

    /** First row of each sequence, and the number of rows at the end. */
    int[] starts() {
        return starts;
    }

    /** Each row's place in its sequence. */
    int[] positions() {
        return positions;
    }

    /** Tokens before the first row, whose keys and values are kept. */
    int past() {
        return past;
    }

    int tokenCount() {
        return positions.length;
    }

    /** Rows of a sequence. */
    int length(int sequence) {
        return starts[sequence + 1] - starts[sequence];
    }

    /** Tiles of queries that attention works on, of all sequences. */
    int queryTileCount() {
        return firstTiles[firstTiles.length - 1];
    }

    /** The first tile of a sequence. */
    int firstTile(int sequence) {
        return firstTiles[sequence];
    }

    /** The sequence that a tile belongs to. */
    int sequenceOfTile(int tile) {
        int found = Arrays.binarySearch(firstTiles, tile);
        return found >= 0 ? found : -found - 2;
    }
}
