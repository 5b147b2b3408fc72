package io.millrace.optim.mask;

import java.util.Arrays;

/**
 * The elements that are small now, by a threshold of each tensor that is fixed for the run: the
 * k-th smallest magnitude of the base, k its share of the elements (Sparse-MeZO, arXiv 2402.15751).
 *
 * @param density share of the base's elements that keep their z, in (0, 1]
 */
record MagnitudeMask(double density) implements MaskRule {
    static final String NAME = "magnitude";

    // Magnitudes are ordered as the bits of floats are: the upper ones first, then the lower.
    private static final int LOWER_BITS = 15;
    private static final int UPPER = 1 << (Float.SIZE - 1 - LOWER_BITS);
    private static final int MAGNITUDE = 0x7FFFFFFF;

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
        int ids = base.tensors().stream().mapToInt(BaseWeights.Tensor::tensorId).max().orElse(-1);
        float[] thresholds = new float[ids + 1];
        for (BaseWeights.Tensor tensor : base.tensors()) {
            thresholds[tensor.tensorId()] = threshold(base, tensor);
        }
        return new ThresholdMask(thresholds);
    }

    /** The k-th smallest magnitude, found in two readings. */
    private float threshold(BaseWeights base, BaseWeights.Tensor tensor) {
        long rank = Math.max(1, (long) Math.ceil(density * tensor.elements()));
        long[] upper = new long[UPPER];
        base.read(
                tensor,
                (values, count) -> {
                    for (int i = 0; i < count; i++) {
                        upper[(Float.floatToRawIntBits(values[i]) & MAGNITUDE) >>> LOWER_BITS]++;
                    }
                });
        int bin = binOf(upper, rank);
        long before = Arrays.stream(upper, 0, bin).sum();
        long[] lower = new long[1 << LOWER_BITS];
        base.read(
                tensor,
                (values, count) -> {
                    for (int i = 0; i < count; i++) {
                        int bits = Float.floatToRawIntBits(values[i]) & MAGNITUDE;
                        if (bits >>> LOWER_BITS == bin) {
                            lower[bits & (lower.length - 1)]++;
                        }
                    }
                });
        return Float.intBitsToFloat(bin << LOWER_BITS | binOf(lower, rank - before));
    }

    /** The bin that holds the value of a rank, from 1. */
    private static int binOf(long[] counts, long rank) {
        int bin = 0;
        for (long below = counts[0]; below < rank; below += counts[bin]) {
            bin++;
        }
        return bin;
    }
}
