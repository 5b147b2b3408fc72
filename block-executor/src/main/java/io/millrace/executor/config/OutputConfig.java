package io.millrace.executor.config;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What a run leaves behind.
 *
 * @param out folder of the tuned model, the journal and the metrics
 * @param evalEvery steps between evaluations; 0 evaluates at the start and the end
 * @param checkpointEvery steps between checkpoints; 0 writes the model at the end
 * @param resume whether to go on from what the folder holds
 * @param trace file for the timeline
 */
public record OutputConfig(
        Path out, long evalEvery, long checkpointEvery, boolean resume, Optional<Path> trace) {
    /** Checks every field. */
    public OutputConfig {
        Check.atLeast(0, evalEvery, "--eval-every");
        Check.atLeast(0, checkpointEvery, "--checkpoint-every");
    }

    void addOptions(Map<String, Object> options) {
        options.put("out", out.toString());
        options.put("eval-every", evalEvery);
        options.put("checkpoint-every", checkpointEvery);
        options.put("resume", resume);
        trace.ifPresent(file -> options.put("trace", file.toString()));
    }
}
