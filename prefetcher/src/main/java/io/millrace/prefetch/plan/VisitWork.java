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
 * @param head whether the beginning of the block is enough for it
 */
public record VisitWork(
        int block,
        List<Operation> folding,
        List<Operation> reading,
        boolean changes,
        boolean head) {
    /** Freezes the lists. */
    public VisitWork {
        folding = List.copyOf(folding);
        reading = List.copyOf(reading);
    }

    /** Of a visit that needs the whole block. */
    public VisitWork(int block, List<Operation> folding, List<Operation> reading, boolean changes) {
        this(block, folding, reading, changes, false);
    }

    /** The same of a visit for which the beginning of its block is enough. */
    public VisitWork ofHead() {
        return new VisitWork(block, folding, reading, changes, true);
    }

    /** The same for several runs that compute it, one after another. */
    VisitWork times(int runs) {
        return new VisitWork(
                block, repeated(folding, runs), repeated(reading, runs), changes, head);
    }

    private static List<Operation> repeated(List<Operation> operations, int times) {
        return Collections.nCopies(times, operations).stream().flatMap(List::stream).toList();
    }
}
