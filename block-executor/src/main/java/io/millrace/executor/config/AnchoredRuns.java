package io.millrace.executor.config;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Anchors;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.Participations;
import io.millrace.optim.update.MezoSgd;

/** What a run with anchors has to be beside them. */
final class AnchoredRuns {
    private static final String OTHER = "or another --estimator";

    private AnchoredRuns() {}

    /** Checks a run whose settings are complete. */
    static void check(Settings settings, Direction direction, Anchors anchors) {
        Check.that(
                direction instanceof DenseDirection,
                Directions.KINDS.naming(),
                direction.name()
                        + " queries see all that was gathered since the last fold, and an anchor"
                        + " is the weights without it",
                "give gaussian or rademacher, " + OTHER);
        Check.that(
                settings.get(Optimizers.KINDS.naming()).equals(MezoSgd.NAME),
                Optimizers.KINDS.naming(),
                "svrg is a sum of two directions, which "
                        + settings.get(Optimizers.KINDS.naming())
                        + " has no rule for",
                "give " + MezoSgd.NAME + ", " + OTHER);
        Check.that(
                Participations.KINDS.make(settings, 0).isWhole(),
                Participations.KINDS.naming(),
                "an anchor's slope is of all layers, and a later step would move only some by it",
                "leave it out, " + OTHER);
        Check.that(
                settings.get(ArithmeticConfig.FOLD_EVERY) == anchors.every(),
                ArithmeticConfig.FOLD_EVERY,
                "the stored weights are the anchor, which is a new one every "
                        + anchors.every()
                        + " steps",
                "leave it out, or give --anchor-every that number");
    }
}
