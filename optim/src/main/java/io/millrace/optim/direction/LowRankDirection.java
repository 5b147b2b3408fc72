package io.millrace.optim.direction;

import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.optim.random.StreamIds;
import java.util.Optional;

/**
 * {@code z = U Vᵀ / √r} for every matrix [m, n]: U [m, r] of the query's seed, V [n, r] of the seed
 * of the window's first step, both standard normal, so that an element of z has unit variance as a
 * dense one. Tensors that are not matrices take the dense gaussian z. U Vᵀ is never formed.
 *
 * @param runSeed the seed that makes the steps' seeds
 * @param rank r
 * @param window steps for which V stays: 1 to window, window + 1 to 2 window, and so on
 */
public record LowRankDirection(long runSeed, int rank, int window) implements FactoredDirection {
    /** The name on the command line and in the journal. */
    public static final String NAME = "low-rank";

    /** The option of r. */
    public static final Option<Integer> RANK =
            Option.named("rank", OptionTypes.INTEGER)
                    .label("R")
                    .help(
                            "Rank of low-rank, members, projected, singular, subspace and tezo"
                                    + " perturbations of matrices.")
                    .usual(2)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    /** The option of the window. */
    public static final Option<Integer> WINDOW =
            Option.named("window", OptionTypes.INTEGER)
                    .label("N")
                    .help(
                            "Steps for which low-rank and projected perturbations keep one factor, and"
                                    + " subspace ones two; weights are written once a window.")
                    .usual(50)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    private static final Optional<Streams> STREAMS =
            Optional.of(
                    new Streams(StreamIds.LOW_RANK_U, StreamIds.LOW_RANK_U, StreamIds.LOW_RANK_V));

    static LowRankDirection of(Settings values, long runSeed) {
        return new LowRankDirection(runSeed, values.get(RANK), values.get(WINDOW));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Core core() {
        return Core.LEFT;
    }

    /** Of every matrix the same: a larger one than a side is refused. */
    @Override
    public int rank(long rows, long columns) {
        return rank;
    }

    /** 1 / √r, the factor on U Vᵀ. */
    public float scale() {
        return (float) (1 / Math.sqrt(rank));
    }

    @Override
    public float scale(long rows, long columns) {
        return scale();
    }

    @Override
    public long windowOf(long step) {
        return (step - 1) / window;
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
