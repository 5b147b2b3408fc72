package io.millrace.telemetry.track;

import java.net.URI;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What trackers are told of a run.
 *
 * @param folder of the run; it is there, and files of trackers go into it
 * @param firstStep the next step, 1 of a run that begins; what is there of this and later steps was
 *     lost with a machine, and is cut
 * @param options of the run by name
 * @param server of MLflow
 * @param experiment that the run belongs to there
 */
public record TrackRequest(
        Path folder, long firstStep, Map<String, Object> options, URI server, String experiment) {
    /** Freezes the options in their order. */
    public TrackRequest {
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
    }
}
