package io.millrace.cli.option;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import picocli.CommandLine.Option;

/** What decides what a step computes, and so what it costs: a run takes it, and so does a plan. */
public final class StepOptions {
    @Option(
            names = "--optimizer",
            paramLabel = "NAME",
            description =
                    "Update rule: mezo-sgd, mezo-adam, or lozo-m (momentum; low-rank only). Default:"
                            + " mezo-sgd.")
    private String optimizer;

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
            names = "--fold-every",
            paramLabel = "K",
            description =
                    "Round updates into the stored weights every K steps; pending ones are added in"
                            + " float32. Default: 1, with low-rank perturbations the window.")
    private Integer foldEvery;

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

    public void applyTo(TuneConfigBuilder builder) {
        Given.apply(optimizer, builder::optimizer);
        Given.apply(perturbation, builder::perturbation);
        Given.apply(rank, builder::rank);
        Given.apply(window, builder::window);
        Given.apply(queries, builder::queries);
        Given.apply(foldEvery, builder::foldEvery);
        Given.apply(matmul, builder::matmul);
        Given.apply(dtype, builder::dtype);
    }
}
