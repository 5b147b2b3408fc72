package io.millrace.optim.schedule;

import io.millrace.memory.BadInputException;
import io.millrace.optim.Registry;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.Map;

/**
 * The learning rate schedules by name. The first {@code warmup} steps rise evenly, {@code lr · t /
 * warmup}; the rest follows the named curve, from lr itself. No step has a rate of 0.
 */
public final class Schedules {
    private static final Curve CONSTANT = done -> 1;

    private static final Registry<Curve> REGISTRY =
            new Registry<>(
                    "--lr-schedule",
                    Map.of(
                            "constant", CONSTANT,
                            "linear", done -> 1 - done,
                            // StrictMath: the same bits on every machine
                            "cosine", done -> 0.5 * (1 + StrictMath.cos(Math.PI * done))));

    /** The option that names one. */
    public static final Option<String> NAMING =
            Option.named("lr-schedule", OptionTypes.TEXT)
                    .label("NAME")
                    .help("constant, linear or cosine, down to 0.")
                    .usual("constant")
                    .limit(Limit.knownTo(REGISTRY))
                    .decidesBytes()
                    .build();

    private Schedules() {}

    /** A factor over the share of the steps after warm-up that are done, in [0, 1). */
    @FunctionalInterface
    private interface Curve {
        double factor(double done);
    }

    /**
     * Whether the rate of a step depends on how many steps the run has.
     *
     * @throws BadInputException when no schedule has the name
     */
    public static boolean dependsOnSteps(String name) {
        return !REGISTRY.named(name).equals(CONSTANT);
    }

    /**
     * The schedule of a name.
     *
     * @param name constant, linear or cosine
     * @param lr the highest learning rate
     * @param warmup steps that rise, 0 for none
     * @throws BadInputException when no schedule has the name, or the warm-up is negative
     */
    public static LrSchedule named(String name, double lr, long warmup) {
        Curve curve = REGISTRY.named(name);
        if (warmup < 0) {
            throw new BadInputException("--warmup", warmup + " steps", "give 0 or more");
        }
        return (step, steps) -> {
            if (step <= warmup) {
                return lr * step / warmup;
            }
            return lr * curve.factor((double) (step - warmup - 1) / Math.max(1, steps - warmup));
        };
    }
}
