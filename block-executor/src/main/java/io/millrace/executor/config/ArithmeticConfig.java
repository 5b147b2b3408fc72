package io.millrace.executor.config;

import io.millrace.memory.DType;
import io.millrace.optim.Directions;
import io.millrace.optim.Optimizers;
import io.millrace.optim.Rounding;
import io.millrace.optim.Schedules;
import java.util.Map;
import java.util.Optional;

/**
 * Everything that decides the bytes of the tuned model, given the model and the data. A resumed run
 * and its first part must agree on all of it.
 *
 * @param steps steps of the whole run
 * @param seed the run's seed S
 * @param lr learning rate after the warm-up
 * @param schedule name of the curve that the rate follows from there
 * @param warmup steps over which the rate rises from 0 in a straight line
 * @param weightDecay decay of tensors with two dimensions or more
 * @param eps scale of the perturbation
 * @param perturbation name of what z is drawn from
 * @param queries directions a step
 * @param optimizer name of the update rule
 * @param foldEvery steps between rounding pending updates into the stored weights
 * @param rounding how they are rounded
 * @param dtype dtype to tune in; that of the checkpoint where empty
 */
public record ArithmeticConfig(
        long steps,
        long seed,
        double lr,
        String schedule,
        long warmup,
        double weightDecay,
        double eps,
        String perturbation,
        int queries,
        String optimizer,
        int foldEvery,
        Rounding rounding,
        Optional<DType> dtype) {
    /** Checks every field. */
    public ArithmeticConfig {
        Check.atLeast(1, steps, "--steps");
        Check.finiteAtLeastZero(lr, "--lr");
        Check.atLeast(0, warmup, "--warmup");
        Check.that(
                warmup <= steps,
                "--warmup",
                warmup + " exceeds the " + steps + " steps of the run",
                "give at most " + steps);
        Check.finiteAtLeastZero(weightDecay, "--weight-decay");
        Check.finitePositive(eps, "--eps");
        Check.atLeast(1, queries, "--queries");
        Check.atLeast(1, foldEvery, "--fold-every");
        // A name is known when its registry knows it.
        Schedules.named(schedule, lr, warmup);
        Directions.named(perturbation);
        Optimizers.named(optimizer);
        dtype.ifPresent(type ->
                Check.that(
                        type.isTrainable(),
                        "--dtype",
                        type.torchName() + " cannot hold weights that are tuned",
                        "give float32, bfloat16 or float16"));
    }

    void addOptions(Map<String, Object> options) {
        options.put("steps", steps);
        options.put("seed", Seeds.format(seed));
        options.put("lr", lr);
        options.put("lr-schedule", schedule);
        options.put("warmup", warmup);
        options.put("weight-decay", weightDecay);
        options.put("eps", eps);
        options.put("perturbation", perturbation);
        options.put("queries", queries);
        options.put("optimizer", optimizer);
        options.put("fold-every", foldEvery);
        options.put("rounding", rounding.id());
        dtype.ifPresent(type -> options.put("dtype", type.torchName()));
    }
}
