package io.millrace.executor.config;

import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.DirectionOptions;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.estimate.Estimator;
import io.millrace.optim.estimate.TwoSidedEstimator;
import io.millrace.optim.schedule.Schedules;
import io.millrace.optim.update.Optimizers;
import io.millrace.optim.update.UpdateRule;
import java.util.LinkedHashMap;
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
 * @param rank rank of a low-rank perturbation
 * @param window steps for which a low-rank perturbation keeps its right factor
 * @param queries directions a step
 * @param optimizer name of the update rule
 * @param beta share of the momentum that a step keeps, for rules that have one
 * @param foldEvery steps between rounding pending updates into the stored weights
 * @param rounding how they are rounded
 * @param matmul what products compute on
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
        int rank,
        int window,
        int queries,
        String optimizer,
        double beta,
        int foldEvery,
        Rounding rounding,
        Matmul matmul,
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
        Check.floatPositive(eps, "--eps");
        Check.atLeast(1, queries, "--queries");
        Check.atLeast(1, rank, "--rank");
        Check.atLeast(1, window, "--window");
        // After the window, which it follows where it is not given.
        Check.atLeast(1, foldEvery, "--fold-every");
        Check.that(
                beta >= 0 && beta < 1,
                "--beta",
                beta + " is not a number of at least 0 and below 1",
                "give a number such as 0.9");
        // A name is known when its registry knows it.
        Schedules.named(schedule, lr, warmup);
        Direction direction =
                Directions.named(perturbation, new DirectionOptions(seed, rank, window));
        Check.that(
                Optimizers.named(optimizer, beta).suits(direction),
                "--optimizer",
                optimizer + " does not work with " + perturbation + " perturbations",
                "give --perturbation low-rank, or another optimizer");
        Check.that(
                direction.window() % foldEvery == 0,
                "--fold-every",
                foldEvery + " does not divide the window of " + direction.window() + " steps",
                "give a divisor of --window, or leave the option out to fold once a window");
        dtype.ifPresent(type ->
                Check.that(
                        type.isTrainable(),
                        "--dtype",
                        type.torchName() + " cannot hold weights that are tuned",
                        "give float32, bfloat16 or float16"));
    }

    /** What z is drawn from. */
    public Direction direction() {
        return Directions.named(perturbation, new DirectionOptions(seed, rank, window));
    }

    /** What a step asks for. */
    public Estimator estimator() {
        return new TwoSidedEstimator(queries);
    }

    /** A fresh update rule, before its first step. */
    public UpdateRule rule() {
        return Optimizers.named(optimizer, beta);
    }

    /** The same with another schedule of folds. */
    public ArithmeticConfig withFoldEvery(int count) {
        return new ArithmeticConfig(
                steps,
                seed,
                lr,
                schedule,
                warmup,
                weightDecay,
                eps,
                perturbation,
                rank,
                window,
                queries,
                optimizer,
                beta,
                count,
                rounding,
                matmul,
                dtype);
    }

    /** What the direction and the rule go by beside their names, as files call it. */
    public Map<String, Object> directionFields() {
        Map<String, Object> fields = new LinkedHashMap<>(direction().fields());
        fields.putAll(rule().fields());
        return fields;
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
        options.putAll(directionFields());
        options.put("queries", queries);
        options.put("optimizer", optimizer);
        options.put("fold-every", foldEvery);
        options.put("rounding", rounding.id());
        options.put("matmul", matmul.id());
        dtype.ifPresent(type -> options.put("dtype", type.torchName()));
    }
}
