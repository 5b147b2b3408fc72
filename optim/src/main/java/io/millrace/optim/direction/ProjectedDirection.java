package io.millrace.optim.direction;

import io.millrace.optim.option.Settings;
import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.random.StreamIds;

/**
 * {@code z = P u} for every matrix [m, n]: P [m, r] orthonormal and fixed for a window of steps, u
 * [r, n] standard normal of the query's seed (the directions of ZO-Muon, arXiv 2602.17155). An
 * element of z has variance r / m, as published: a longer ε than that of a dense direction serves.
 *
 * @param runSeed the seed that makes the steps' seeds
 * @param rank r, of a matrix at most its shorter side
 * @param window steps for which P stays
 */
public record ProjectedDirection(long runSeed, int rank, int window) implements FactoredDirection {
    /** The name on the command line and in the journal. */
    public static final String NAME = "projected";

    static ProjectedDirection of(Settings values, long runSeed) {
        return new ProjectedDirection(
                runSeed, values.get(LowRankDirection.RANK), values.get(LowRankDirection.WINDOW));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Core core() {
        return Core.RIGHT;
    }

    @Override
    public float scale(long rows, long columns) {
        return 1;
    }

    @Override
    public long windowOf(long step) {
        return (step - 1) / window;
    }

    @Override
    public boolean isOrthonormal() {
        return true;
    }

    @Override
    public void fillCore(
            long seed, int tensorId, long firstElement, float[] values, int offset, int count) {
        GaussianStream.fill(
                StreamIds.PROJECTED_RIGHT, seed, tensorId, firstElement, values, offset, count);
    }

    @Override
    public void fillLeft(
            long step, int tensorId, long firstElement, float[] values, int offset, int count) {
        long seed = SplitMix64.output(runSeed, step - (step - 1) % window);
        GaussianStream.fill(
                StreamIds.PROJECTED_LEFT, seed, tensorId, firstElement, values, offset, count);
    }
}
