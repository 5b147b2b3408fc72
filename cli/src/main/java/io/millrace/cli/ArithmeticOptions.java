package io.millrace.cli;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Rounding;
import picocli.CommandLine.Option;

/** Everything that decides the bytes of the tuned model, given model and data. */
final class ArithmeticOptions {
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
            names = "--optimizer",
            paramLabel = "NAME",
            description =
                    "Update rule: mezo-sgd, mezo-adam, or lozo-m (momentum; low-rank only). Default:"
                            + " mezo-sgd.")
    private String optimizer;

    @Option(
            names = "--beta",
            paramLabel = "F",
            description = "Share of the momentum that a step of lozo-m keeps. Default: 0.9.")
    private Double beta;

    @Option(
            names = "--perturbation",
            paramLabel = "NAME",
            description = "gaussian, rademacher or low-rank. Default: gaussian.")
    private String perturbation;

    @Option(
            names = "--rank",
            paramLabel = "R",
            description = "Rank of low-rank perturbations of matrices. Default: 2.")
    private Integer rank;

    @Option(
            names = "--window",
            paramLabel = "N",
            description =
                    "Steps for which low-rank perturbations keep one factor; weights are written once a"
                            + " window. Default: 50.")
    private Integer window;

    @Option(names = "--queries", paramLabel = "Q", description = "Directions a step. Default: 1.")
    private Integer queries;

    @Option(
            names = "--seed",
            paramLabel = "S",
            converter = Converters.Seed.class,
            description = "64 bits, decimal or 0x... Default: 0.")
    private Long seed;

    @Option(
            names = "--fold-every",
            paramLabel = "K",
            description =
                    "Round updates into the stored weights every K steps; pending ones are added in"
                            + " float32. Default: 1, with low-rank perturbations the window.")
    private Integer foldEvery;

    @Option(
            names = "--rounding",
            paramLabel = "NAME",
            description = "nearest or stochastic. Default: nearest.")
    private Rounding rounding;

    @Option(
            names = "--matmul",
            paramLabel = "NAME",
            description =
                    "What products compute on: native; bf16, on a CPU; on a card tf32 (of float32)"
                            + " or fp8 (8.9 or newer). Default: native.")
    private Matmul matmul;

    @Option(
            names = "--dtype",
            paramLabel = "D",
            description = "float32, bfloat16 or float16. Default: the checkpoint's.")
    private DType dtype;

    void applyTo(TuneConfigBuilder builder) {
        Given.apply(steps, builder::steps);
        Given.apply(lr, builder::lr);
        Given.apply(schedule, builder::schedule);
        Given.apply(warmup, builder::warmup);
        Given.apply(eps, builder::eps);
        Given.apply(weightDecay, builder::weightDecay);
        Given.apply(optimizer, builder::optimizer);
        Given.apply(beta, builder::beta);
        Given.apply(perturbation, builder::perturbation);
        Given.apply(rank, builder::rank);
        Given.apply(window, builder::window);
        Given.apply(queries, builder::queries);
        Given.apply(seed, builder::seed);
        Given.apply(foldEvery, builder::foldEvery);
        Given.apply(rounding, builder::rounding);
        Given.apply(matmul, builder::matmul);
        Given.apply(dtype, builder::dtype);
    }
}
