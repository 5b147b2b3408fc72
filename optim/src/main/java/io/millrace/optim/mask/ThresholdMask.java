package io.millrace.optim.mask;

/** The elements whose magnitude is not above their tensor's threshold. */
public final class ThresholdMask implements ElementMask {
    private final float[] thresholds; // by tensor

    ThresholdMask(float[] thresholds) {
        this.thresholds = thresholds.clone();
    }

    /** The largest magnitude that keeps its z. */
    public float threshold(int tensorId) {
        return thresholds[tensorId];
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
        float threshold = thresholds[tensorId];
        for (int i = offset; i < offset + count; i++) {
            z[i] = Math.abs(p[i]) <= threshold ? z[i] : 0f;
        }
    }
}
