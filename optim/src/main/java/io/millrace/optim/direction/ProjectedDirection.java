package io.millrace.optim.direction;

import io.millrace.optim.option.Settings;
import io.millrace.optim.random.StreamIds;
import java.util.Optional;

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

    private static final Optional<Streams> STREAMS =
            Optional.of(
                    new Streams(
                            StreamIds.PROJECTED_RIGHT,
                            StreamIds.PROJECTED_LEFT,
                            StreamIds.PROJECTED_RIGHT));

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
    public Optional<Streams> streams() {
        return STREAMS;
    }

    @Override
    public long fixedSeed(long step) {
        return FactoredDirection.windowSeed(runSeed, step, window);
    }
}
