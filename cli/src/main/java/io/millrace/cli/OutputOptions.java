package io.millrace.cli;

import io.millrace.executor.config.Keep;
import io.millrace.executor.config.TuneConfigBuilder;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** What a run leaves behind. */
final class OutputOptions {
    @Option(
            names = "--eval-every",
            paramLabel = "N",
            description = "Evaluate every N steps too, not only before and after.")
    private Long evalEvery;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "N",
            description = "Write the weights every N steps too, not only at the end.")
    private Long checkpointEvery;

    @Option(
            names = "--keep",
            paramLabel = "NAME",
            description =
                    "last, or best: save the weights after the evaluated step with the lowest"
                            + " held-out loss; needs --eval-every. Default: last.")
    private Keep keep;

    @Option(names = "--resume", description = "Go on from what the output folder holds.")
    private boolean resume;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "Write the timeline, for ui.perfetto.dev.")
    private Path trace;

    void applyTo(TuneConfigBuilder builder) {
        Given.apply(evalEvery, builder::evalEvery);
        Given.apply(checkpointEvery, builder::checkpointEvery);
        Given.apply(keep, builder::keep);
        builder.resume(resume);
        Given.apply(trace, builder::trace);
    }
}
