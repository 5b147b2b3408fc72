package io.millrace.model.architecture.gpt;

import java.util.ArrayList;
import java.util.List;

/** What a score loses for each position between, head by head (ALiBi, arXiv 2108.12409). */
final class Alibi {
    /** The exponent of the steepest of all powers. */
    static final int MOST = 8;

    private Alibi() {}

    /**
     * Slopes 2^(−8 i / n), i = 1 to n, for the largest power of two n within the heads, then those
     * between the first of twice as many (BLOOM).
     */
    static List<Float> slopes(int heads) {
        int power = Integer.highestOneBit(heads);
        List<Float> slopes = new ArrayList<>(geometric(power));
        List<Float> finer = geometric(2 * power);
        for (int i = 0; slopes.size() < heads; i += 2) {
            slopes.add(finer.get(i));
        }
        return slopes;
    }

    /**
     * Slopes of the smallest power of two that is not below the heads: every second, then those
     * between, as far as there are heads (MPT).
     */
    static List<Float> halved(int heads) {
        int power = Integer.highestOneBit(2 * heads - 1);
        List<Float> all = geometric(power);
        if (power == heads) {
            return all;
        }
        List<Float> slopes = new ArrayList<>();
        for (int from = 1; from >= 0; from--) {
            for (int i = from; i < power && slopes.size() < heads; i += 2) {
                slopes.add(all.get(i));
            }
        }
        return slopes;
    }

    private static List<Float> geometric(int count) {
        List<Float> slopes = new ArrayList<>();
        for (int i = 1; i <= count; i++) {
            slopes.add((float) Math.pow(2, -(double) MOST * i / count));
        }
        return slopes;
    }
}
