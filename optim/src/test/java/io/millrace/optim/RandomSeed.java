package io.millrace.optim;

import java.util.Random;

/** The seed of a random test: {@code -Dtest.seed}, or the clock; every assertion names it. */
public final class RandomSeed {
    private RandomSeed() {}

    public static long next() {
        Long fixed = Long.getLong("test.seed");
        return fixed != null ? fixed : System.nanoTime();
    }

    public static Random random(long seed) {
        return new Random(seed);
    }
}
