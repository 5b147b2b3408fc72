package io.millrace.optim.direction;

import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.StreamIds;

/** Independent standard normal values, exact to 1e-5 and the same bits on every device. */
public final class GaussianDirection implements DenseDirection {
    /** The name on the command line and in the journal. */
    public static final String NAME = "gaussian";

    /** The direction; it holds no state. */
    public GaussianDirection() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public void fill(long seed, int tensorId, long firstElement, float[] z, int offset, int count) {
        GaussianStream.fill(StreamIds.DENSE_Z, seed, tensorId, firstElement, z, offset, count);
    }
}
