package io.millrace.optim.optimizer;

import io.millrace.memory.BadInputException;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.rule.AdamW;
import io.millrace.optim.option.Kind;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.UpdateRule;
import java.util.stream.Collectors;

/** Optimizer and estimator of a run: both of the gradient, or neither. */
public final class GradientRuns {
    private GradientRuns() {}

    /**
     * What a run is told, with the one of both that it leaves open where the other is of the
     * gradient: the gradient, or {@link AdamW}.
     */
    public static Settings named(Settings told) {
        Option<String> optimizer = Optimizers.KINDS.naming();
        Option<String> estimator = Estimators.KINDS.naming();
        if (told.has(optimizer) == told.has(estimator)) {
            return told;
        }
        if (told.has(optimizer)) {
            return isOfGradient(told.get(optimizer))
                    ? told.with(estimator, GradientEstimator.NAME)
                    : told;
        }
        return told.get(estimator).equals(GradientEstimator.NAME)
                ? told.with(optimizer, AdamW.NAME)
                : told;
    }

    /**
     * Refuses a rule that makes its steps of losses where there is a gradient; that other rules
     * need one they say {@linkplain GradientRule#needs themselves}.
     *
     * @throws BadInputException where it is one
     */
    public static void check(UpdateRule rule, Estimator estimator) {
        if (estimator instanceof GradientEstimator && !(rule instanceof GradientRule)) {
            String rules =
                    Optimizers.KINDS.all().stream()
                            .map(Kind::name)
                            .filter(GradientRuns::isOfGradient)
                            .collect(Collectors.joining(" or "));
            throw new BadInputException(
                    Optimizers.KINDS.naming().spelled(),
                    rule.name() + " makes its steps of losses, and not of the gradient",
                    "give --optimizer " + rules + ", or another --estimator");
        }
    }

    private static boolean isOfGradient(String optimizer) {
        return Optimizers.KINDS.make(optimizer, Settings.NONE, 0) instanceof GradientRule;
    }
}
