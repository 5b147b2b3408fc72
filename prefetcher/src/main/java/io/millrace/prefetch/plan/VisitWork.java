package io.millrace.prefetch.plan;

import java.util.Collections;
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

    /** The same for several runs that compute it, one after another. */
    VisitWork times(int runs) {
        return new VisitWork(block, repeated(folding, runs), repeated(reading, runs), changes);
    }

    private static List<Operation> repeated(List<Operation> operations, int times) {
        return Collections.nCopies(times, operations).stream().flatMap(List::stream).toList();
    }
}
