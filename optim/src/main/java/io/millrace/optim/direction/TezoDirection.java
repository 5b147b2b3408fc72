package io.millrace.optim.direction;

import io.millrace.optim.option.Settings;
import io.millrace.optim.random.StreamIds;
import java.util.Optional;

/**
 * {@code z = U diag(τ) Vᵀ / √r} for every matrix [m, n]: U [m, r] and V [n, r] standard normal and
 * fixed for the run, τ [r] of the query's seed (TeZO, arXiv 2501.19057): r numbers a matrix change
 * from step to step.
 *
 * @param runSeed the run's seed
 * @param rank r, of a matrix at most its shorter side
 * @param window steps after which updates are folded
 */
public record TezoDirection(long runSeed, int rank, int window) implements FactoredDirection {
    /** The name on the command line and in the journal. */
    public static final String NAME = "tezo";

    private static final Optional<Streams> STREAMS =
            Optional.of(new Streams(StreamIds.TEZO_TAU, StreamIds.TEZO_U, StreamIds.TEZO_V));

    static TezoDirection of(Settings values, long runSeed) {
        return new TezoDirection(
                runSeed, values.get(LowRankDirection.RANK), values.get(LowRankDirection.WINDOW));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Core core() {
        return Core.DIAGONAL;
    }

    @Override
    public float scale(long rows, long columns) {
        return (float) (1 / Math.sqrt(rank(rows, columns)));
    }

    @Override
    public long windowOf(long step) {
        return 0;
    }

    @Override
    public Optional<Streams> streams() {
        return STREAMS;
    }

    @Override
    public long fixedSeed(long step) {
        return runSeed;
    }
}
