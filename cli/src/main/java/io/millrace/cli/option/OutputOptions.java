package io.millrace.cli.option;

import io.millrace.executor.config.Keep;
import io.millrace.executor.config.TuneConfigBuilder;
import java.nio.file.Path;
import java.util.OptionalLong;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** What a run leaves behind. */
public final class OutputOptions {
    @Option(
            names = "--eval-every",
            paramLabel = "N",
            description = "Evaluate every N steps too, not only before and after.")
    private Long evalEvery;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "N|auto",
            converter = CountOrAuto.class,
            description =
                    "Make the weights durable every N steps too, not only at the end; 0 for never;"
                            + " auto, the default: as often as costs next to nothing.")
    private OptionalLong checkpointEvery = OptionalLong.empty();

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

    /** A number of steps, or {@code auto} for none in particular. */
    static final class CountOrAuto implements ITypeConverter<OptionalLong> {
        @Override
        public OptionalLong convert(String text) {
            return text.equals("auto")
                    ? OptionalLong.empty()
                    : OptionalLong.of(Converters.wholeNumber(text));
        }
    }

    public void applyTo(TuneConfigBuilder builder) {
        Given.apply(evalEvery, builder::evalEvery);
        checkpointEvery.ifPresent(builder::checkpointEvery);
        Given.apply(keep, builder::keep);
        builder.resume(resume);
        Given.apply(trace, builder::trace);
    }
}
