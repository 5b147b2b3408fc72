package io.millrace.cli.option;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.optim.Rounding;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Everything that decides the bytes of the tuned model, given model and data. */
public final class ArithmeticOptions {
    @Option(names = "--steps", paramLabel = "N", description = "Steps of the run. Default: 1000.")
    private Long steps;

    @Option(names = "--lr", paramLabel = "F", description = "Learning rate. Default: 1e-6.")
    private Double lr;

    @Option(
            names = "--lr-schedule",
            paramLabel = "NAME",
            description = "constant, linear or cosine, down to 0. Default: constant.")
    private String schedule;

    @Option(
            names = "--warmup",
            paramLabel = "N",
            description = "Steps over which the learning rate rises. Default: 0.")
    private Long warmup;

    @Option(
            names = "--eps",
            paramLabel = "F",
            description = "Scale of the perturbation. Default: 1e-3.")
    private Double eps;

    @Option(
            names = "--weight-decay",
            paramLabel = "F",
            description = "Decay of tensors with two dimensions or more. Default: 0.")
    private Double weightDecay;

    @Option(
            names = "--beta",
            paramLabel = "F",
            description = "Share of the momentum that a step of lozo-m keeps. Default: 0.9.")
    private Double beta;

    @Option(
            names = "--seed",
            paramLabel = "S",
            converter = Converters.Seed.class,
            description = "64 bits, decimal or 0x... Default: 0.")
    private Long seed;

    @Option(
            names = "--rounding",
            paramLabel = "NAME",
            description = "nearest or stochastic. Default: nearest.")
    private Rounding rounding;

    @Mixin private StepOptions step = new StepOptions();

    public void applyTo(TuneConfigBuilder builder) {
        Given.apply(steps, builder::steps);
        Given.apply(lr, builder::lr);
        Given.apply(schedule, builder::schedule);
        Given.apply(warmup, builder::warmup);
        Given.apply(eps, builder::eps);
        Given.apply(weightDecay, builder::weightDecay);
        Given.apply(beta, builder::beta);
        Given.apply(seed, builder::seed);
        Given.apply(rounding, builder::rounding);
        step.applyTo(builder);
    }
}
