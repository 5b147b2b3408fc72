package io.millrace.optim.update;

import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.ProjectedDirection;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.List;
import java.util.Optional;

/**
 * ZO-Muon (arXiv 2602.17155): the mean {@code G = Σ g u / q} over the queries of a projected
 * direction is made orthogonal, nearly, and a matrix moves by it in the window's subspace, {@code θ
 * ← θ − lr (P NS(G) + wd θ)}. Tensors that are not matrices take the plain descent, at a rate of
 * their own. It has no state.
 */
public final class ZoMuon implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "zo-muon";

    /** The option of the rate of what is no matrix. */
    public static final Option<Double> VECTOR_LR =
            Option.named("lr-1d", OptionTypes.NUMBER)
                    .label("F")
                    .help(
                            "Learning rate of zo-muon for tensors that are no matrices, whatever the"
                                    + " schedule of --lr.")
                    .usual(1e-7)
                    .limit(Limit.finiteAtLeastZero())
                    .decidesBytes()
                    .build();

    /** The option of how often Newton–Schulz is iterated. */
    public static final Option<Integer> ITERATIONS =
            Option.named("newton-schulz", OptionTypes.INTEGER)
                    .label("N")
                    .help(
                            "Newton-Schulz iterations of zo-muon; fewer leave the estimate less"
                                    + " orthogonal.")
                    .usual(5)
                    .limit(Limit.atLeast(1))
                    .decidesBytes()
                    .build();

    private final double vectorRate;
    private final int iterations;

    /**
     * The rule; one instance serves any number of runs.
     *
     * @param vectorRate rate of what is no matrix
     * @param iterations of Newton–Schulz, 1 or more
     */
    public ZoMuon(double vectorRate, int iterations) {
        this.vectorRate = vectorRate;
        this.iterations = iterations;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean suits(Direction direction) {
        return direction instanceof ProjectedDirection;
    }

    @Override
    public int orthogonalIterations() {
        return iterations;
    }

    @Override
    public Update next(StepRecord record) {
        Update plain = MezoSgd.descend(record, vectorRate);
        List<Update.Term> slopes = Slopes.of(record);
        return new Update(
                record.step(),
                record.seed(),
                Slopes.decay(record),
                plain.terms(),
                Optional.empty(),
                Optional.empty(),
                Optional.of(new Update.Orthogonal((float) -record.lr(), iterations, slopes)));
    }
}
