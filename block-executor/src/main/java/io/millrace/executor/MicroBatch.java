package io.millrace.executor;

/**
 * Sequences that pass through a block together, without padding.
 *
 * @param ids token ids, one sequence after another
 * @param sequences which rows belong together
 * @param headRows the rows whose logits are wanted, ascending
 * @param targets for each head row the id it should predict, or −1 where only logits are wanted
 */
record MicroBatch(int[] ids, Sequences sequences, int[] headRows, int[] targets) {
    int tokenCount() {
        return ids.length;
    }
}
