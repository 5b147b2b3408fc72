package io.millrace.optim.direction;

import io.millrace.optim.option.Settings;
import io.millrace.optim.random.StreamIds;
import java.util.Optional;

/**
 * {@code z = A Bᵀ / √r} for every matrix [m, n]: A [m, r] and B [n, r] standard normal and both of
 * the query's seed, so that each member of a population is a thin product of its own (EGGROLL,
 * arXiv 2511.16652). A query costs thin products beside one with the stored matrix that all share;
 * an update along q of them is of rank q r, and no window makes it less.
 *
 * @param rank r, of a matrix at most its shorter side
 */
public record MembersDirection(int rank) implements FactoredDirection {
    /** The name on the command line and in the journal. */
    public static final String NAME = "members";

    private static final Optional<Streams> STREAMS =
            Optional.of(
                    new Streams(
                            StreamIds.MEMBER_LEFT, StreamIds.MEMBER_LEFT, StreamIds.MEMBER_RIGHT));

    static MembersDirection of(Settings values, long runSeed) {
        return new MembersDirection(values.get(LowRankDirection.RANK));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Core core() {
        return Core.PAIR;
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
}
