package io.millrace.optim.participation;

import java.util.BitSet;

/**
 * What of a model has a part in a step. Where the head is the embedding's table, the block of both
 * ends has one if either has.
 *
 * @param embedding whether what lies before the first layer does
 * @param layers numbers from 0
 * @param head whether what lies behind the last layer does
 */
public record ActiveParts(boolean embedding, BitSet layers, boolean head) {
    /**
     * The ends of a model.
     *
     * @param both whether they have a part, or neither does
     */
    static ActiveParts of(BitSet layers, boolean both) {
        return new ActiveParts(both, layers, both);
    }
}
