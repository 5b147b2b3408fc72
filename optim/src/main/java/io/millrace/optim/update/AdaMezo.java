package io.millrace.optim.update;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;

/**
 * AdaMeZO, as its published code has it: Adam whose moments are made anew of the last 10 directions
 * and slopes, so that no element keeps any: {@code m = Σ β₁ʲ ĝ_{t−j}}, {@code v = Σ β₂ʲ ĝ²_{t−j}},
 * {@code θ ← θ − 100 lr m / (√v + 1e-5)}. The first 10 steps are those of MeZO-SGD. The state is
 * the window, rebuilt from the records.
 */
public final class AdaMezo implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "adamezo";

    private static final int WINDOW = 10;
    private static final double BETA1 = 0.7;
    private static final double BETA2 = 0.9;
    private static final float ZETA = 1e-5f;
    private static final double FACTOR = 100;

    private final Deque<QueryResult> newest = new ArrayDeque<>(); // the last step's first

    /** The rule before its first step; one instance serves one run. */
    public AdaMezo() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean suits(Direction direction) {
        return direction instanceof DenseDirection;
    }

    @Override
    public Optional<String> needs(Estimator estimator) {
        return estimator.questions().directions() == 1
                ? Optional.empty()
                : Optional.of("--queries 1");
    }

    @Override
    public boolean isElementwise() {
        return true;
    }

    @Override
    public Update next(StepRecord record) {
        newest.addFirst(record.queries().getFirst());
        if (newest.size() > WINDOW) {
            newest.removeLast();
        }
        ElementProgram program = record.step() <= WINDOW ? descent(record) : adaptive(record);
        return Update.of(record.step(), record.seed(), program);
    }

    private ElementProgram descent(StepRecord record) {
        int z = ElementProgram.scratch(0);
        QueryResult query = newest.getFirst();
        float rate = (float) (-record.lr() * query.projectedGrad());
        return ElementProgram.builder()
                .z(z, query.seed())
                .move(ElementProgram.scratch(1), rate, z, Slopes.decay(record))
                .build();
    }

    private ElementProgram adaptive(StepRecord record) {
        int first = ElementProgram.scratch(0);
        int second = ElementProgram.scratch(1);
        int z = ElementProgram.scratch(2);
        ElementProgram.Builder program = ElementProgram.builder().fill(first, 0).fill(second, 0);
        double weight1 = 1;
        double weight2 = 1;
        for (QueryResult query : newest) {
            double slope = query.projectedGrad();
            program.z(z, query.seed())
                    .fma(first, (float) (weight1 * slope), z, first)
                    .multiply(z, z, z)
                    .fma(second, (float) (weight2 * (slope * slope)), z, second);
            weight1 *= BETA1;
            weight2 *= BETA2;
        }
        return program.root(second, second)
                .fill(z, ZETA)
                .plus(second, second, z)
                .divide(first, first, second)
                .moveBySum(z, (float) (-record.lr() * FACTOR), first, Slopes.decay(record))
                .build();
    }
}
