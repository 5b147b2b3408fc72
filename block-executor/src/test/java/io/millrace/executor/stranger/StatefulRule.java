package io.millrace.executor.stranger;

import io.millrace.memory.DType;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.update.ElementState;
import io.millrace.optim.update.MezoSgd;
import io.millrace.optim.update.Update;
import io.millrace.optim.update.UpdateRule;
import io.millrace.optim.update.UpdateRuleKind;
import java.util.List;

/** Plain descent that has two states lie beside every tensor and never touches them. */
public final class StatefulRule implements UpdateRule {
    /** Its name on the command line. */
    public static final String NAME = "toy-states";

    private final MezoSgd sgd = new MezoSgd();

    /** The registry's line. */
    public static final class Kind implements UpdateRuleKind {
        @Override
        public String name() {
            return NAME;
        }

        @Override
        public UpdateRule make(double beta) {
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
        return sgd.next(record);
    }
}
