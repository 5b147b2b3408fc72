package io.millrace.optim.update;

import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

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

    /** The same record with every slope replaced. */
    static StepRecord map(StepRecord record, DoubleUnaryOperator change) {
        List<QueryResult> queries = new ArrayList<>(record.queries().size());
        for (QueryResult query : record.queries()) {
            double slope = change.applyAsDouble(query.projectedGrad());
            queries.add(new QueryResult(query.seed(), query.losses(), slope));
        }
        return new StepRecord(
                record.step(),
                record.seed(),
                record.lr(),
                record.eps(),
                record.weightDecay(),
                record.loss(),
                queries,
                record.reading());
    }

    /** Decoupled weight decay of a step. */
    static Decay decay(StepRecord record) {
        double part = record.lr() * record.weightDecay();
        return record.decaysByFactor() ? Decay.byFactor(part) : Decay.of(part);
    }
}
