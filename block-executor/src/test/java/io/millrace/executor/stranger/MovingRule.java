package io.millrace.executor.stranger;

import io.millrace.memory.DType;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.ElementProgram;
import io.millrace.optim.update.ElementState;
import io.millrace.optim.update.Update;
import io.millrace.optim.update.UpdateRule;
import io.millrace.optim.update.UpdateRuleKind;
import java.util.ArrayList;
import java.util.List;

/** Two means of slopes, one of the other, in two types: a weight is off where a state is. */
public final class MovingRule implements UpdateRule {
    /** Its name on the command line. */
    public static final String NAME = "toy-moving";

    private static final int M = ElementProgram.state(0);
    private static final int H = ElementProgram.state(1);
    private static final int SLOPE = ElementProgram.scratch(0);
    private static final int SPARE = ElementProgram.scratch(1);

    /** The registry's line. */
    public static final class Kind implements UpdateRuleKind {
        @Override
        public String name() {
            return NAME;
        }

        @Override
        public UpdateRule make(Settings values, long runSeed) {
            return new MovingRule();
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<ElementState> states() {
        return List.of(new ElementState("m", DType.F32), new ElementState("h", DType.BF16));
    }

    @Override
    public Update next(StepRecord record) {
        List<Update.Term> terms = new ArrayList<>();
        for (QueryResult query : record.queries()) {
            terms.add(new Update.Term(query.seed(), (float) query.projectedGrad()));
        }
        ElementProgram program =
                ElementProgram.builder()
                        .terms(SLOPE, SPARE, terms)
                        .fma(M, 0.75f, M, SLOPE)
                        .fma(H, 0.5f, H, M)
                        .fma(
                                ElementProgram.PARAMETER,
                                (float) -record.lr(),
                                H,
                                ElementProgram.PARAMETER)
                        .build();
        return Update.of(record.step(), record.seed(), program);
    }
}
