package io.millrace.optim.update;

import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.ArrayList;
import java.util.List;

/**
 * LOZO-M: momentum of the left factor of a low-rank direction, {@code N ← β N + (1 − β) ḡU} with ḡU
 * the mean over the queries, then {@code θ ← θ − lr (N Vᵀ/√r + wd θ)}. Tensors that are not
 * matrices take the plain descent. N itself belongs to {@code FactorTrack}, which rebuilds it from
 * the updates; the rule has no state.
 */
public final class LozoMomentum implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "lozo-m";

    /** The option of β. */
    public static final Option<Double> BETA =
            Option.named("beta", OptionTypes.NUMBER)
                    .label("F")
                    .help(
                            "Share of the momentum that a step of lozo-m, zo-momentum or helene keeps.")
                    .usual(0.9)
                    .limit(Limit.belowOne(0.9))
                    .decidesBytes()
                    .build();

    private final double beta;

    /**
     * The rule; one instance serves any number of runs.
     *
     * @param beta share of N that a step keeps, in [0, 1)
     */
    public LozoMomentum(double beta) {
        this.beta = beta;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean suits(Direction direction) {
        return direction instanceof LowRankDirection;
    }

    @Override
    public boolean hasMomentum() {
        return true;
    }

    @Override
    public Update next(StepRecord record) {
        Update plain = MezoSgd.descend(record, record.lr());
        List<QueryResult> queries = record.queries();
        List<Update.Term> slopes = new ArrayList<>(queries.size());
        for (QueryResult query : queries) {
            double share = (1 - beta) * query.projectedGrad() / record.divisor();
            slopes.add(new Update.Term(query.seed(), (float) share));
        }
        Update.Momentum momentum = new Update.Momentum((float) beta, (float) -record.lr(), slopes);
        return Update.ofMomentum(plain, momentum);
    }
}
