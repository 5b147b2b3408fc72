package io.millrace.cli.option;

import io.millrace.executor.config.TuneConfigBuilder;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which examples a run sees besides those of its training file. */
public final class DataOptions {
    @Option(names = "--eval", paramLabel = "FILE", description = "Held-out examples.")
    private Path eval;

    @Option(
            names = "--eval-split",
            paramLabel = "F",
            description = "Hold out this fraction at the end of a .txt training file.")
    private Double evalSplit;

    @Option(names = "--batch-size", paramLabel = "B", description = "Examples a step. Default: 16.")
    private Integer batchSize;

    @Option(
            names = "--micro-batch",
            paramLabel = "M",
            description =
                    "Examples that pass through a block together; bounds activation memory, not the"
                            + " batch. Default: the batch.")
    private Integer microBatch;

    @Option(names = "--no-shuffle", description = "Take the examples in the order of the file.")
    private boolean noShuffle;

    public void applyTo(TuneConfigBuilder builder) {
        Given.apply(eval, builder::eval);
        applyTraining(builder);
    }

    /** All but the held-out file, for what evaluates nothing. */
    public void applyTraining(TuneConfigBuilder builder) {
        Given.apply(evalSplit, builder::evalSplit);
        Given.apply(batchSize, builder::batchSize);
        Given.apply(microBatch, builder::microBatch);
        builder.shuffle(!noShuffle);
    }
}
