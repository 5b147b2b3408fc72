package io.millrace.optim.direction;

import io.millrace.optim.option.Settings;
import io.millrace.optim.random.StreamIds;
import java.util.Optional;

/**
 * {@code z = U Z Vᵀ · √(m n) / r} for every matrix [m, n]: U [m, r] and V [n, r] orthonormal and
 * fixed for a window of steps, Z [r, r] standard normal of the query's seed (SubZero, arXiv
 * 2410.08989). Elements of z have unit variance over U, V and Z.
 *
 * @param runSeed the seed that makes the steps' seeds
 * @param rank r, of a matrix at most its shorter side
 * @param window steps for which U and V stay
 */
public record SubspaceDirection(long runSeed, int rank, int window) implements FactoredDirection {
    /** The name on the command line and in the journal. */
    public static final String NAME = "subspace";

    private static final Optional<Streams> STREAMS =
            Optional.of(
                    new Streams(StreamIds.SUBSPACE_Z, StreamIds.SUBSPACE_U, StreamIds.SUBSPACE_V));

    static SubspaceDirection of(Settings values, long runSeed) {
        return new SubspaceDirection(
                runSeed, values.get(LowRankDirection.RANK), values.get(LowRankDirection.WINDOW));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Core core() {
        return Core.SQUARE;
    }

    @Override
    public float scale(long rows, long columns) {
        return (float) (Math.sqrt((double) rows * columns) / rank(rows, columns));
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
