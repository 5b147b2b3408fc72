package io.millrace.executor.stranger;

import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.Update;
import io.millrace.optim.update.UpdateRule;
import io.millrace.optim.update.UpdateRuleKind;
import java.util.ArrayList;
import java.util.List;

/** Steps by the sign of each slope, smaller the more steps went before: its state is a count. */
public final class ToyRule implements UpdateRule {
    /** An option of the rule's own. */
    public static final Option<Double> SHRINK =
            Option.named("toy-shrink", OptionTypes.NUMBER)
                    .label("F")
                    .help("What a step keeps of the rate of the one before.")
                    .usual(0.75)
                    .decidesBytes()
                    .build();

    private final double shrink;
    private int steps;

    ToyRule(double shrink) {
        this.shrink = shrink;
    }

    /** The registry's line. */
    public static final class Kind implements UpdateRuleKind {
        @Override
        public String name() {
            return "toy-sign";
        }

        @Override
        public List<Option<?>> options() {
            return List.of(SHRINK);
        }

        @Override
        public UpdateRule make(Settings values, long runSeed) {
            return new ToyRule(values.get(SHRINK));
        }
    }

    @Override
    public String name() {
        return "toy-sign";
    }

    @Override
    public Update next(StepRecord record) {
        double rate = record.lr() * StrictMath.pow(shrink, steps++);
        List<Update.Term> terms = new ArrayList<>();
        for (QueryResult query : record.queries()) {
            double sign = Math.signum(query.projectedGrad());
            terms.add(new Update.Term(query.seed(), (float) (-rate * sign)));
        }
        return new Update(record.step(), record.seed(), Decay.NONE, terms);
    }
}
