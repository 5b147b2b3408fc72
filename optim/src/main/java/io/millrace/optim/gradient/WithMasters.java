package io.millrace.optim.gradient;

import io.millrace.memory.DType;
import io.millrace.optim.estimate.Estimator;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A rule over float32 master weights: the last of its states, which it changes in the place of the
 * stored weights; these are the masters rounded to the nearest.
 *
 * @param rule what it does
 */
public record WithMasters(GradientRule rule) implements GradientRule {
    private static final TensorState MASTER = new TensorState("master", DType.F32);

    @Override
    public String name() {
        return rule.name();
    }

    @Override
    public Optional<String> needs(Estimator estimator) {
        return rule.needs(estimator);
    }

    @Override
    public List<TensorState> kept() {
        List<TensorState> kept = new ArrayList<>(rule.kept());
        kept.add(MASTER);
        return List.copyOf(kept);
    }

    @Override
    public boolean wantsRows() {
        return rule.wantsRows();
    }

    @Override
    public boolean wantsWhole() {
        return rule.wantsWhole();
    }

    @Override
    public long workFloats(List<Long> shape) {
        return rule.workFloats(shape);
    }

    @Override
    public int rowsElements() {
        return rule.rowsElements();
    }

    @Override
    public int tileElements() {
        return rule.tileElements();
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return rule.step(turn);
    }
}
