package io.millrace.optim.direction;

import io.millrace.optim.mask.BaseWeights;
import io.millrace.optim.option.Settings;
import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.StreamIds;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * {@code z = U diag(τ) Vᵀ · √(m n / r)} for every matrix [m, n]: U [m, r] and V [n, r] the singular
 * vectors of the r largest singular values of the base, τ [r] of the query's seed. So a run tunes
 * these singular values and nothing else of a matrix (SVFit, arXiv 2409.05926).
 *
 * @param runSeed the run's seed
 * @param rank r, of a matrix at most its shorter side
 * @param window steps after which updates are folded
 * @param vectors of the base, which is not known before a run has opened it
 */
public record SingularDirection(
        long runSeed, int rank, int window, Optional<SingularVectors> vectors)
        implements FactoredDirection {
    /** The name on the command line and in the journal. */
    public static final String NAME = "singular";

    static SingularDirection of(Settings values, long runSeed) {
        return new SingularDirection(
                runSeed,
                values.get(LowRankDirection.RANK),
                values.get(LowRankDirection.WINDOW),
                Optional.empty());
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
        return (float) Math.sqrt((double) rows * columns / rank(rows, columns));
    }

    @Override
    public long windowOf(long step) {
        return 0;
    }

    @Override
    public boolean lacksBase() {
        return vectors.isEmpty();
    }

    @Override
    public SingularDirection over(BaseWeights base) {
        return new SingularDirection(
                runSeed, rank, window, Optional.of(SingularVectors.of(base, this)));
    }

    @Override
    public boolean isOfBase() {
        return true;
    }

    @Override
    public OptionalInt coreStream() {
        return OptionalInt.of(StreamIds.SINGULAR_TAU);
    }

    @Override
    public void fillCore(
            long seed, int tensorId, long firstElement, float[] values, int offset, int count) {
        GaussianStream.fill(
                StreamIds.SINGULAR_TAU, seed, tensorId, firstElement, values, offset, count);
    }

    /** Before the base is known, what the search for it begins with. */
    @Override
    public void fillLeft(
            long step, int tensorId, long firstElement, float[] values, int offset, int count) {
        if (vectors.isPresent()) {
            vectors.get().left(tensorId, firstElement, values, offset, count);
        } else {
            begin(tensorId, firstElement, values, offset, count);
        }
    }

    /** Before the base is known, what the search for it begins with. */
    @Override
    public void fillRight(
            long step, int tensorId, long firstElement, float[] values, int offset, int count) {
        if (vectors.isPresent()) {
            vectors.get().right(tensorId, firstElement, values, offset, count);
        } else {
            begin(tensorId, firstElement, values, offset, count);
        }
    }

    void begin(int tensorId, long firstElement, float[] values, int offset, int count) {
        GaussianStream.fill(
                StreamIds.SINGULAR_START, runSeed, tensorId, firstElement, values, offset, count);
    }
}
