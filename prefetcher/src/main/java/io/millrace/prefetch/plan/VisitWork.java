package io.millrace.prefetch.plan;

import java.util.List;

/**
 * What a visit computes.
 *
 * @param block whose visit
 * @param folding the operations in a step that rounds updates into the stored weights
 * @param reading those in a step that only reads; the same list where every step folds
 * @param changes whether the visit leaves the block changed in a folding step
 */
public record VisitWork(
        int block, List<Operation> folding, List<Operation> reading, boolean changes) {
    /** Freezes the lists. */
    public VisitWork {
        folding = List.copyOf(folding);
        reading = List.copyOf(reading);
    }
}
