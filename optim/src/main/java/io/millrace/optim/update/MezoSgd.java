package io.millrace.optim.update;

import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import java.util.ArrayList;
import java.util.List;

/**
 * MeZO-SGD: {@code θ ← θ − lr (g z + wd θ)}, averaged over the queries, or summed where the record
 * says so. It has no state.
 */
public final class MezoSgd implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "mezo-sgd";

    /** The rule; one instance serves any number of runs. */
    public MezoSgd() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Update next(StepRecord record) {
        return descend(record, record.lr());
    }

    /** The plain descent along the record's directions, with a learning rate of the caller's. */
    static Update descend(StepRecord record, double lr) {
        List<QueryResult> queries = record.queries();
        List<Update.Term> terms = new ArrayList<>(queries.size());
        for (QueryResult query : queries) {
            double coefficient = -lr * query.projectedGrad() / record.divisor();
            terms.add(new Update.Term(query.seed(), (float) coefficient));
        }
        return new Update(record.step(), record.seed(), Slopes.decay(record), terms);
    }
}
