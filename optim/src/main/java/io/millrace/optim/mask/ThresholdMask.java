package io.millrace.optim.mask;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The elements whose magnitude is not above their tensor's threshold. */
public final class ThresholdMask implements ElementMask {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

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
        int end = offset + count;
        int i = offset;
        // Whether an element is small is a coin that no branch foresees.
        for (; i <= end - FLOATS.length(); i += FLOATS.length()) {
            VectorMask<Float> small =
                    FloatVector.fromArray(FLOATS, p, i)
                            .abs()
                            .compare(VectorOperators.LE, threshold);
            FloatVector.zero(FLOATS)
                    .blend(FloatVector.fromArray(FLOATS, z, i), small)
                    .intoArray(z, i);
        }
        for (; i < end; i++) {
            z[i] = Math.abs(p[i]) <= threshold ? z[i] : 0f;
        }
    }
}
