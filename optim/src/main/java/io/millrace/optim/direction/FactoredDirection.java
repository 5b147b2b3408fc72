package io.millrace.optim.direction;

import io.millrace.optim.mask.BaseWeights;
import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.SplitMix64;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A direction that is a product of thin factors on every matrix [m, n]: {@code z = κ · L C Rᵀ} with
 * L [m, r], R [n, r] and a core C, which is never formed. What a query's seed makes is its {@link
 * Core}; the other factors are fixed over windows of steps, so that updates gather in what is as
 * large as the core. Where a seed makes all, updates are added to the weights as those of dense
 * directions are. Other tensors take the dense gaussian z. Implementations hold no state and may be
 * used from any thread.
 */
public non-sealed interface FactoredDirection extends Direction {
    /** What a query's seed makes, and so what updates gather. */
    enum Core {
        /** The left factor itself, [m, r]. */
        LEFT,
        /** Both factors, [m, r] and [n, r]: none is fixed, and nothing gathers. */
        PAIR,
        /** The right factor itself, transposed, [r, n]. */
        RIGHT,
        /** A square between two fixed factors, [r, r]. */
        SQUARE,
        /** The diagonal of a square between two fixed factors, [r]. */
        DIAGONAL;

        /**
         * How many numbers updates gather in.
         *
         * @param rows m
         * @param columns n
         * @param rank r
         */
        public long floats(long rows, long columns, long rank) {
            return switch (this) {
                case LEFT -> rows * rank;
                case PAIR -> 0;
                case RIGHT -> columns * rank;
                case SQUARE -> rank * rank;
                case DIAGONAL -> rank;
            };
        }

        /** Whether a left factor is fixed. */
        public boolean fixesLeft() {
            return this == RIGHT || liesBetween();
        }

        /** Whether a right factor is fixed. */
        public boolean fixesRight() {
            return this == LEFT || liesBetween();
        }

        /** Whether it lies between two fixed factors. */
        public boolean liesBetween() {
            return this == SQUARE || this == DIAGONAL;
        }

        /** Whether updates gather until they are folded. */
        public boolean gathers() {
            return this != PAIR;
        }
    }

    /** What a query's seed makes. */
    Core core();

    /** Whether its factors are of a base that it has not been {@linkplain #over bound} to yet. */
    default boolean lacksBase() {
        return false;
    }

    /** The same over a base, where its factors are of one. */
    default FactoredDirection over(BaseWeights base) {
        return this;
    }

    /** The largest r. */
    int rank();

    /** r of a matrix [rows, columns]. */
    default int rank(long rows, long columns) {
        return (int) Math.min(rank(), Math.min(rows, columns));
    }

    /** κ of a matrix [rows, columns]. */
    float scale(long rows, long columns);

    /** Which of the fixed factors there are in a step: a number from 0 that never falls. */
    long windowOf(long step);

    /**
     * Whether the columns of fixed factors are made orthonormal, in order, once they are filled.
     */
    default boolean isOrthonormal() {
        return false;
    }

    /**
     * The gaussian streams that factors are filled from.
     *
     * @param core of a query's core, keyed by its seed; of a pair, of its left factor
     * @param left of the fixed left factor
     * @param right of the fixed right factor; of a pair, of its own, keyed by the query's seed
     */
    record Streams(int core, int left, int right) {}

    /** The streams; empty where the fill methods draw from none of this project's. */
    default Optional<Streams> streams() {
        return Optional.empty();
    }

    /**
     * The gaussian stream that {@link #fillCore} draws from; empty where it is none of this
     * project's.
     */
    default OptionalInt coreStream() {
        return streams().map(all -> OptionalInt.of(all.core)).orElse(OptionalInt.empty());
    }

    /** Whether fixed factors are of a base, the same in all steps, and drawn from no stream. */
    default boolean isOfBase() {
        return false;
    }

    /** What keys the fixed factors as they are in a step. */
    default long fixedSeed(long step) {
        throw new UnsupportedOperationException("no factor of " + name() + " is fixed");
    }

    /** The seed of a window's first step, as steps have it. */
    static long windowSeed(long runSeed, long step, int window) {
        return SplitMix64.output(runSeed, step - (step - 1) % window);
    }

    /**
     * Consecutive elements of the core of a query, row-major, standard normal; of a pair, of its
     * left factor.
     */
    default void fillCore(
            long seed, int tensorId, long firstElement, float[] values, int offset, int count) {
        GaussianStream.fill(made().core, seed, tensorId, firstElement, values, offset, count);
    }

    /**
     * Consecutive elements of a query's own right factor, row-major [n, r], standard normal. Asked
     * for where the core is a pair.
     */
    default void fillOwnRight(
            long seed, int tensorId, long firstElement, float[] values, int offset, int count) {
        require(core() == Core.PAIR, "right factor is fixed");
        GaussianStream.fill(made().right, seed, tensorId, firstElement, values, offset, count);
    }

    /**
     * Consecutive elements of the fixed left factor as it is in a step, row-major [m, r], standard
     * normal. Asked for where the core {@linkplain Core#fixesLeft fixes} it.
     */
    default void fillLeft(
            long step, int tensorId, long firstElement, float[] values, int offset, int count) {
        require(core().fixesLeft(), "left factor is a query's");
        GaussianStream.fill(
                made().left, fixedSeed(step), tensorId, firstElement, values, offset, count);
    }

    /**
     * Consecutive elements of the fixed right factor as it is in a step, row-major [n, r], standard
     * normal. Asked for where the core {@linkplain Core#fixesRight fixes} it.
     */
    default void fillRight(
            long step, int tensorId, long firstElement, float[] values, int offset, int count) {
        require(core().fixesRight(), "right factor is a query's");
        GaussianStream.fill(
                made().right, fixedSeed(step), tensorId, firstElement, values, offset, count);
    }

    private Streams made() {
        return streams().orElseThrow();
    }

    private void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new UnsupportedOperationException("of " + name() + " the " + otherwise);
        }
    }
}
