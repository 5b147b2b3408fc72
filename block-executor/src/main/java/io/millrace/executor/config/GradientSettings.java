package io.millrace.executor.config;

import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.objective.MeanLoss;
import io.millrace.optim.objective.Objectives;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;

/** Settings that mean nothing to a run whose steps go along the gradient. */
final class GradientSettings {
    private GradientSettings() {}

    /**
     * Refuses them.
     *
     * @throws io.millrace.memory.BadInputException where a run has one that means nothing to it
     */
    static void check(Settings settings) {
        if (!(Optimizers.KINDS.make(settings, 0) instanceof GradientRule)) {
            return;
        }
        String rule = settings.get(Optimizers.KINDS.naming());
        Check.that(
                settings.get(ArithmeticConfig.FOLD_EVERY) == 1,
                ArithmeticConfig.FOLD_EVERY,
                rule + " changes the weights at every step",
                "leave it out");
        Check.that(
                Masks.KINDS.make(settings, 0).isWhole(),
                Masks.KINDS.naming(),
                rule + " changes every element of what is trained",
                "leave it out");
        Check.that(
                Objectives.KINDS.make(settings, 0) instanceof MeanLoss,
                Objectives.KINDS.naming(),
                "only the loss has a gradient",
                "give --objective loss, or leave it out");
        Check.that(
                !settings.get(TrainedTensors.TUNE).equals(TrainedTensors.SCALES),
                TrainedTensors.TUNE,
                "scales have no way back",
                "give another --tune, or --method qzo");
    }
}
