package io.millrace.optim.mask;

import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.random.StreamIds;

/**
 * A share of the elements, drawn anew for each step and the same for all its queries: what ZO-Bench
 * (arXiv 2402.11592) calls sparse, with the share given.
 *
 * @param density share of the elements that keep their z, in (0, 1]
 * @param runSeed makes the steps' seeds
 */
public record RandomMask(double density, long runSeed) implements MaskRule, ElementMask {
    /** The name on the command line and in the journal. */
    public static final String NAME = "random";

    private static final long LOW = 0xFFFFFFFFL;
    private static final int WORDS = 4;

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean isWhole() {
        return density == 1;
    }

    @Override
    public ElementMask over(BaseWeights base) {
        return this;
    }

    /** What the words of a step's elements are drawn from. */
    public long seed(long step) {
        return SplitMix64.output(runSeed, step);
    }

    /** The first word, unsigned, whose element has no z; below 2³² where the mask is not whole. */
    public long end() {
        return (long) (density * 0x1p32);
    }

    @Override
    public void apply(
            long step,
            int tensorId,
            long firstElement,
            float[] p,
            float[] z,
            int offset,
            int count) {
        long seed = seed(step);
        long end = end();
        int[] words = new int[WORDS];
        long drawn = -1;
        for (int i = 0; i < count; i++) {
            long element = firstElement + i;
            if (element / WORDS != drawn) {
                drawn = element / WORDS;
                Philox4x32.block(seed, drawn, tensorId, StreamIds.RANDOM_MASK, words);
            }
            if ((words[(int) (element % WORDS)] & LOW) >= end) {
                z[offset + i] = 0f;
            }
        }
    }
}
