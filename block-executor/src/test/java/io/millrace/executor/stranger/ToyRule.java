package io.millrace.executor.stranger;

import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.update.Update;
import io.millrace.optim.update.UpdateRule;
import io.millrace.optim.update.UpdateRuleKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Steps by the sign of each slope, smaller the more steps went before: its state is a count. */
public final class ToyRule implements UpdateRule {
    private final double beta;
    private int steps;

    ToyRule(double beta) {
        this.beta = beta;
    }

    /** The registry's line. */
    public static final class Kind implements UpdateRuleKind {
        @Override
        public String name() {
            return "toy-sign";
        }

        @Override
        public UpdateRule make(double beta) {
            return new ToyRule(beta);
        }
    }

    @Override
    public String name() {
        return "toy-sign";
    }

    @Override
    public Map<String, Object> fields() {
        return Map.of("beta", beta);
    }

    @Override
    public Update next(StepRecord record) {
        double rate = record.lr() * StrictMath.pow(beta, steps++);
        List<Update.Term> terms = new ArrayList<>();
        for (QueryResult query : record.queries()) {
            double sign = Math.signum(query.projectedGrad());
            terms.add(new Update.Term(query.seed(), (float) (-rate * sign)));
        }
        return new Update(record.step(), record.seed(), 1f, terms);
    }
}
