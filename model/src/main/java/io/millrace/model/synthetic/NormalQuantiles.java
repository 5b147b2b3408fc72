package io.millrace.model.synthetic;

/**
 * The normal distribution as 65,536 equally likely values, so that one 64-bit hash becomes four
 * draws by table: noise as fast as a disk takes it.
 */
final class NormalQuantiles {
    private static final int COUNT = 1 << 16;
    private static final int HALF = COUNT / 2;
    private static final double STEP = 1.0 / 8192;

    private NormalQuantiles() {}

    /** The values in rising order; every caller gets its own array. */
    static float[] table() {
        float[] values = new float[COUNT];
        double x = 0;
        double below = 0.5; // probability of less than x
        for (int i = 0; i < HALF; i++) {
            double wanted = 0.5 + (i + 0.5) / COUNT;
            double density = density(x + STEP / 2);
            while (below + density * STEP < wanted) {
                below += density * STEP;
                x += STEP;
                density = density(x + STEP / 2);
            }
            float value = (float) (x + (wanted - below) / density);
            values[HALF + i] = value;
            values[HALF - 1 - i] = -value;
        }
        return values;
    }

    private static double density(double x) {
        return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    }
}
