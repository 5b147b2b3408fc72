package io.millrace.executor.cuda.weight;

import io.millrace.executor.step.Coverage;
import io.millrace.memory.DType;

/**
 * A tensor that launches form whole, from its first element to its last. Closing it checks that
 * they did, and only then says so to the visit.
 */
public final class DeviceForming implements AutoCloseable {
    /** Forms elements of a tensor, and stores them if that is due. */
    @FunctionalInterface
    public interface Launch {
        /**
         * Launches.
         *
         * @param first element
         * @param count elements
         * @param place where the first scale's go
         * @param stride elements from a scale's to the next
         * @param type what they are formed in
         */
        void range(long first, long count, long place, long stride, DType type);
    }

    private final Coverage coverage;
    private final Launch launch;

    /**
     * Begins.
     *
     * @param visit the block's
     * @param tensor its place in the block
     * @param launch what forms it
     */
    public DeviceForming(DeviceVisit visit, int tensor, Launch launch) {
        coverage = visit.cover(tensor);
        this.launch = launch;
    }

    /**
     * Forms the elements that come next.
     *
     * @param first element; as many as were formed so far
     * @param count elements
     * @param place where the first scale's go
     * @param stride elements from a scale's to the next
     * @param type what they are formed in
     * @throws IllegalStateException when others come next
     */
    public void range(long first, long count, long place, long stride, DType type) {
        follow(first, count);
        launch.range(first, count, place, stride, type);
    }

    /** Takes the elements that come next as they are stored: they lack nothing. */
    public void stored(long first, long count) {
        follow(first, count);
    }

    private void follow(long first, long count) {
        if (first != coverage.formed()) {
            throw new IllegalStateException(
                    "element " + first + " does not follow the " + coverage.formed() + " before");
        }
        coverage.add(count);
    }

    /** Whether all elements were formed, so that nothing is left but to close it. */
    public boolean isWhole() {
        return coverage.isWhole();
    }

    /**
     * Ends it.
     *
     * @throws IllegalStateException when elements were left out, or formed twice
     */
    @Override
    public void close() {
        coverage.close();
    }
}
