package io.millrace.optim;

import java.util.Random;

/** The seed of a random test: {@code -Dtest.seed}, or the clock; every assertion names it. */
final class RandomSeed {
    private RandomSeed() {}

    static long next() {
        Long fixed = Long.getLong("test.seed");
        return fixed != null ? fixed : System.nanoTime();
    }

    static Random random(long seed) {
        return new Random(seed);
    }
}
