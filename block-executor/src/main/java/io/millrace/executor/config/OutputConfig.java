package io.millrace.executor.config;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * What a run leaves behind.
 *
 * @param out folder of the tuned model, the journal and the metrics
 * @param evalEvery steps between evaluations; 0 evaluates at the start and the end
 * @param checkpointEvery steps between checkpoints; 0 for none; empty for as often as costs next to
 *     nothing, so that a kill costs little however long the run was
 * @param keep which step's weights are saved in the end
 * @param resume whether to go on from what the folder holds
 * @param trace file for the timeline
 * @param metricsPort port on this machine at which figures are served, 0 for any that is free
 */
public record OutputConfig(
        Path out,
        long evalEvery,
        OptionalLong checkpointEvery,
        Keep keep,
        boolean resume,
        Optional<Path> trace,
        OptionalInt metricsPort) {
    private static final int GREATEST_PORT = 65535;

    /** Checks every field. */
    public OutputConfig {
        Check.atLeast(0, evalEvery, "--eval-every");
        checkpointEvery.ifPresent(every -> Check.atLeast(0, every, "--checkpoint-every"));
        Check.that(
                keep == Keep.LAST || evalEvery > 0,
                "--keep",
                "best is told by evaluations, and the run has none on the way",
                "add --eval and --eval-every");
        metricsPort.ifPresent(port ->
                Check.that(
                        port >= 0 && port <= GREATEST_PORT,
                        "--metrics-port",
                        port + " is not a port",
                        "give one up to " + GREATEST_PORT + ", or 0 for any that is free"));
    }

    void addOptions(Map<String, Object> options) {
        options.put("out", out.toString());
        options.put("eval-every", evalEvery);
        options.put(
                "checkpoint-every",
                checkpointEvery.isPresent() ? (Object) checkpointEvery.getAsLong() : "auto");
        options.put("keep", OptionNames.of(keep));
        options.put("resume", resume);
        trace.ifPresent(file -> options.put("trace", file.toString()));
        metricsPort.ifPresent(port -> options.put("metrics-port", port));
    }
}
