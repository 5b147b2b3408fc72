package io.millrace.optim.update;

import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import java.util.ArrayList;
import java.util.List;

/** What rules take from a record. */
final class Slopes {
    private Slopes() {}

    /** The estimate of the gradient as a sum: a term g / n for each of n queries, or g. */
    static List<Update.Term> of(StepRecord record) {
        List<QueryResult> queries = record.queries();
        List<Update.Term> terms = new ArrayList<>(queries.size());
        for (QueryResult query : queries) {
            double share = query.projectedGrad() / record.divisor();
            terms.add(new Update.Term(query.seed(), (float) share));
        }
        return terms;
    }

    /** Decoupled weight decay of a step. */
    static Decay decay(StepRecord record) {
        double part = record.lr() * record.weightDecay();
        return record.decaysByFactor() ? Decay.byFactor(part) : Decay.of(part);
    }
}
