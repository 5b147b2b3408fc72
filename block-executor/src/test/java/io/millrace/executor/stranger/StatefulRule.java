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
import java.util.List;

/**
 * Plain descent that gathers two states beside every element and makes no use of them: its weights
 * are those of {@code mezo-sgd} without decay where each step has one query.
 */
public final class StatefulRule implements UpdateRule {
    /** Its name on the command line. */
    public static final String NAME = "toy-states";

    /** The registry's line. */
    public static final class Kind implements UpdateRuleKind {
        @Override
        public String name() {
            return NAME;
        }

        @Override
        public UpdateRule make(Settings values, long runSeed) {
            return new StatefulRule();
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
        int z = ElementProgram.scratch(0);
        ElementProgram.Builder program = ElementProgram.builder();
        for (QueryResult query : record.queries()) {
            double coefficient = -record.lr() * query.projectedGrad() / record.queries().size();
            program.z(z, query.seed())
                    .fma(ElementProgram.PARAMETER, (float) coefficient, z, ElementProgram.PARAMETER)
                    .fma(ElementProgram.state(0), 0.9f, ElementProgram.state(0), z)
                    .multiply(z, z, z)
                    .fma(ElementProgram.state(1), 0.5f, ElementProgram.state(1), z);
        }
        return Update.of(record.step(), record.seed(), program.build());
    }
}
