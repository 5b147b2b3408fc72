package io.millrace.executor.cpu.program;

import io.millrace.executor.batch.Sequences;
import io.millrace.executor.cpu.op.Attention;
import java.util.Arrays;

/** The tiles of queries that attention works on, of all sequences of a micro-batch. */
final class QueryTiles {
    private final int[] firstTiles;

    QueryTiles(Sequences sequences) {
        firstTiles = new int[sequences.starts().length];
        for (int sequence = 0; sequence + 1 < firstTiles.length; sequence++) {
            firstTiles[sequence + 1] =
                    firstTiles[sequence] + Attention.queryTiles(sequences.length(sequence));
        }
    }

    int count() {
        return firstTiles[firstTiles.length - 1];
    }

    /** The first tile of a sequence. */
    int firstOf(int sequence) {
        return firstTiles[sequence];
    }

    /** The sequence that a tile belongs to. */
    int sequenceOf(int tile) {
        int found = Arrays.binarySearch(firstTiles, tile);
        return found >= 0 ? found : -found - 2;
    }
}
