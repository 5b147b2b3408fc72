package io.millrace.executor.search;

import java.util.Arrays;

/**
 * The highest of many scores that come in order of their places; of equals, the first. It holds no
 * more than twice as many as it keeps.
 */
final class TopScores {
    private final int keep;
    private final float[] scores;
    private final long[] places;
    private int held;
    private float bar = -1; // nothing at or below it is among the highest so far

    /**
     * None yet.
     *
     * @param keep how many, at least 1
     */
    TopScores(int keep) {
        this.keep = keep;
        scores = new float[2 * keep];
        places = new long[2 * keep];
    }

    /** Bytes of the heap for so many. */
    static long bytes(long keep) {
        return 2 * keep * (Float.BYTES + Long.BYTES);
    }

    /**
     * Takes the next scores.
     *
     * @param firstPlace place of the first, above all before
     * @param values scores of at least 0
     * @param count how many of them
     */
    void take(long firstPlace, float[] values, int count) {
        for (int i = 0; i < count; i++) {
            if (values[i] > bar) {
                if (held == scores.length) {
                    sift();
                    if (values[i] <= bar) {
                        continue;
                    }
                }
                scores[held] = values[i];
                places[held] = firstPlace + i;
                held++;
            }
        }
    }

    /** Leaves the highest alone, in order of place. */
    private void sift() {
        if (held <= keep) {
            return;
        }
        float[] sorted = Arrays.copyOf(scores, held);
        Arrays.sort(sorted);
        bar = sorted[held - keep];
        int equals = keep;
        for (int i = held - 1; i >= 0 && sorted[i] > bar; i--) {
            equals--;
        }
        int kept = 0;
        for (int i = 0; i < held; i++) {
            boolean stays = scores[i] > bar || (scores[i] == bar && equals-- > 0);
            if (stays) {
                scores[kept] = scores[i];
                places[kept] = places[i];
                kept++;
            }
        }
        held = kept;
    }

    /** The places of the highest, ascending. */
    long[] places() {
        sift();
        return Arrays.copyOf(places, held);
    }

    /** The least of their scores. */
    float least() {
        sift();
        float least = Float.POSITIVE_INFINITY;
        for (int i = 0; i < held; i++) {
            least = Math.min(least, scores[i]);
        }
        return least;
    }
}
