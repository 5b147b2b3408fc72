package io.millrace.executor.config;

import io.millrace.executor.adapter.WindowsKind;
import io.millrace.executor.adapter.WireConfig;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.UpdateRule;

/** What runs can have that train something beside a model. */
final class BesideRuns {
    private BesideRuns() {}

    /**
     * Checks what no option can see alone.
     *
     * @throws io.millrace.memory.BadInputException where what was told has no meaning
     */
    static void check(Settings settings) {
        checkWire(settings);
        checkWindows(settings);
    }

    private static void checkWire(Settings settings) {
        Check.that(
                settings.has(WireConfig.WIRE) || !settings.has(WireConfig.GROUP),
                WireConfig.GROUP,
                "nothing moves in groups without " + WireConfig.WIRE.spelled(),
                "leave it out");
        Check.that(
                !settings.has(WireConfig.WIRE) || TrainedTensors.kind(settings).isPresent(),
                WireConfig.WIRE,
                "the model's own tensors cannot be tuned in a copy of fewer bits",
                "tune an adapter beside it, such as --tune lora, or leave --wire out");
    }

    private static void checkWindows(Settings settings) {
        if (!settings.get(TrainedTensors.TUNE).equals(WindowsKind.NAME)) {
            return;
        }
        Check.that(
                Directions.KINDS.make(settings, 0) instanceof GaussianDirection,
                Directions.KINDS.naming(),
                "windows have gaussian factors of their own",
                "leave it out");
        Check.that(
                Masks.KINDS.make(settings, 0).isWhole(),
                Masks.KINDS.naming(),
                "a window is all that a step reaches",
                "leave it out");
        UpdateRule rule = Optimizers.KINDS.make(settings, 0);
        Check.that(
                !rule.isElementwise() && !rule.hasMomentum(),
                Optimizers.KINDS.naming(),
                rule.name() + " goes on with windows that are over",
                "give --optimizer mezo-sgd or mezo-adam");
        Check.that(
                Estimators.KINDS.make(settings, 0).anchors().isEmpty(),
                Estimators.KINDS.naming(),
                "steps between anchors are along two windows",
                "give another");
        Check.that(
                settings.get(ArithmeticConfig.WEIGHT_DECAY) == 0,
                ArithmeticConfig.WEIGHT_DECAY,
                "decay shrinks whole matrices, which is no change of low rank",
                "leave it out");
        int windows = settings.get(WindowsKind.COUNT);
        long steps = settings.get(ArithmeticConfig.STEPS);
        Check.that(
                WindowsKind.count(settings, steps) <= windows,
                WindowsKind.COUNT,
                steps + " steps take " + WindowsKind.count(settings, steps) + " windows",
                "give at least as many, or leave it out");
    }
}
