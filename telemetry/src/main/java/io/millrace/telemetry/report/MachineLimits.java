package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.json.JsonObject;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * What each transfer lane can do at best on this machine.
 *
 * @param bytesPerSecond by lane; a lane that was not measured is not there
 */
public record MachineLimits(Map<Lane, Double> bytesPerSecond) {
    /** Nothing is known. */
    public static final MachineLimits UNKNOWN = new MachineLimits(new EnumMap<>(Lane.class));

    /** Freezes the map. */
    public MachineLimits {
        Map<Lane, Double> copy = new EnumMap<>(Lane.class);
        copy.putAll(bytesPerSecond);
        bytesPerSecond = Collections.unmodifiableMap(copy);
    }

    /** Takes the limits out of a probe's answer; what it does not have stays unknown. */
    public static MachineLimits of(JsonObject probe) {
        Map<Lane, Double> limits = new EnumMap<>(Lane.class);
        Optional<JsonObject> nvme = probe.optionalObject("nvme");
        Optional<JsonObject> device = probe.optionalObject("device");
        put(limits, Lane.NVME_READ, nvme, "read_bytes_per_second");
        put(limits, Lane.NVME_WRITE, nvme, "write_bytes_per_second");
        put(limits, Lane.H2D, device, "h2d_bytes_per_second");
        put(limits, Lane.D2H, device, "d2h_bytes_per_second");
        return new MachineLimits(limits);
    }

    private static void put(
            Map<Lane, Double> limits, Lane lane, Optional<JsonObject> part, String field) {
        part.filter(object -> object.has(field))
                .map(object -> object.number(field))
                .filter(rate -> rate > 0)
                .ifPresent(rate -> limits.put(lane, rate));
    }
}
