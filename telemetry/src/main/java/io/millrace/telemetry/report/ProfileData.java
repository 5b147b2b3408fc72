package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.MemoryGauge;
import io.millrace.telemetry.MemorySampler;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepOverlap;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A profile as plain values: the data of the page, and the summary that programs read. */
public final class ProfileData {
    private static final double NS_PER_US = 1e3;
    private static final Lane[] LANES = Lane.values();

    private final Profile profile;
    private final Findings findings;
    private final MachineLimits limits;
    private final Wear wear;

    /** The data of a profile and what was made of it. */
    public ProfileData(Profile profile, Findings findings, MachineLimits limits, Wear wear) {
        this.profile = profile;
        this.findings = findings;
        this.limits = limits;
        this.wear = wear;
    }

    /** The figures of a step, with the names of {@code metrics.jsonl} where it has them. */
    public Map<String, Object> summary() {
        Map<String, Object> summary = new LinkedHashMap<>();
        summary.put("warm_steps", profile.warmSteps());
        summary.put("measured_steps", profile.steps().size());
        summary.put("step_seconds", profile.stepSeconds());
        summary.put("tokens_per_second", profile.median(step -> step.metrics().tokensPerSecond()));
        summary.put("lanes", lanes());
        summary.put("hidden_transfer", profile.median(step -> overlap(step).hiddenTransfer()));
        summary.put(
                "exposed_transfer_seconds",
                profile.median(step -> overlap(step).exposedTransferSeconds()));
        summary.put(
                "compute_utilisation", profile.median(step -> overlap(step).computeUtilisation()));
        summary.put(
                "pipeline_efficiency", profile.median(step -> overlap(step).pipelineEfficiency()));
        summary.put("bound_lane", profile.boundLane().label());
        summary.put("wait_seconds", waits(Findings.meanWaits(profile)));
        summary.put("peak_bytes", peaks());
        summary.put("wear", wear());
        summary.put("finding", findings.headline());
        return summary;
    }

    /** Everything that the page shows. */
    Map<String, Object> page(Map<String, Object> options, String made) {
        RunFacts facts = profile.facts();
        Map<String, Object> page = new LinkedHashMap<>();
        page.put("millrace_profile", 1);
        page.put("made", made);
        page.put("description", facts.description());
        page.put("model", facts.model());
        page.put("device", facts.device());
        page.put("unified", facts.unified());
        page.put("details", findings.details());
        page.put("summary", summary());
        page.put("steps", profile.steps().stream().map(this::step).toList());
        page.put("spans", spans());
        page.put("blocks", blocks());
        page.put("memory", memory());
        page.put("options", options);
        return page;
    }

    private static StepOverlap overlap(Profile.Step step) {
        return step.metrics().overlap();
    }

    private Map<String, Object> lanes() {
        Map<String, Object> lanes = new LinkedHashMap<>();
        for (Lane lane : LANES) {
            LaneUse use = profile.meanUse(lane);
            Map<String, Object> figures = new LinkedHashMap<>();
            figures.put("busy_seconds", use.busySeconds());
            figures.put("bytes", use.bytes());
            if (use.bytes() > 0) {
                figures.put("bytes_per_second", use.bytes() / use.busySeconds());
            }
            if (limits.bytesPerSecond().containsKey(lane)) {
                figures.put("limit_bytes_per_second", limits.bytesPerSecond().get(lane));
            }
            lanes.put(lane.label(), figures);
        }
        return lanes;
    }

    private static Map<String, Object> waits(Waits waits) {
        Map<String, Object> seconds = new LinkedHashMap<>();
        waits.lanes().forEach((lane, value) -> seconds.put(lane.label(), value));
        seconds.put("other", waits.otherSeconds());
        return seconds;
    }

    private Map<String, Object> peaks() {
        Map<String, Object> peaks = new LinkedHashMap<>();
        for (int kind = 0; kind < profile.peakBytes().length; kind++) {
            peaks.put(profile.facts().memory().get(kind).name(), profile.peakBytes()[kind]);
        }
        return peaks;
    }

    private Map<String, Object> wear() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("bytes_per_step", wear.bytesPerStep());
        fields.put("bytes_per_day", wear.bytesPerDay());
        wear.ratedBytes()
                .ifPresent(rated -> {
                    fields.put("rated_bytes", rated);
                    if (Double.isFinite(wear.days())) {
                        fields.put("days", wear.days());
                    }
                });
        return fields;
    }

    private Map<String, Object> step(Profile.Step step) {
        StepMetrics metrics = step.metrics();
        Map<String, Object> fields = new LinkedHashMap<>(metrics.fields());
        fields.put("start_us", micros(step.startNs()));
        fields.put("end_us", micros(step.endNs()));
        fields.put("wait_seconds", waits(step.waits()));
        return fields;
    }

    /** By lane, in order of time: block, step, start, length, bytes. */
    private Map<String, Object> spans() {
        SpanLog spans = profile.spans();
        Map<String, Object> lanes = new LinkedHashMap<>();
        for (Lane lane : LANES) {
            List<Integer> own = new ArrayList<>();
            for (int i = 0; i < spans.size(); i++) {
                if (spans.lane(i) == lane) {
                    own.add(i);
                }
            }
            own.sort(Comparator.comparingLong(spans::startNs));
            lanes.put(
                    lane.label(),
                    own.stream()
                            .map(i ->
                                    List.of(
                                            spans.block(i),
                                            spans.step(i),
                                            micros(spans.startNs(i)),
                                            (spans.endNs(i) - spans.startNs(i)) / NS_PER_US,
                                            spans.bytes(i)))
                            .toList());
        }
        return lanes;
    }

    private List<Object> blocks() {
        List<Object> blocks = new ArrayList<>();
        for (int block = 0; block < profile.blockSeconds().length; block++) {
            RunFacts.BlockFact fact = profile.facts().blocks().get(block);
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("name", fact.name());
            fields.put("bytes", fact.bytes());
            fields.put("home", fact.home());
            Map<String, Object> seconds = new LinkedHashMap<>();
            for (Lane lane : LANES) {
                seconds.put(lane.label(), profile.blockSeconds()[block][lane.index()]);
            }
            seconds.put("wait", profile.blockWaitSeconds()[block]);
            fields.put("seconds", seconds);
            blocks.add(fields);
        }
        return blocks;
    }

    private Map<String, Object> memory() {
        MemorySampler samples = profile.memory();
        List<Object> times = new ArrayList<>();
        for (int i = 0; i < samples.size(); i++) {
            times.add(micros(samples.timeNs(i)));
        }
        List<Object> series = new ArrayList<>();
        List<MemoryGauge> kinds = profile.facts().memory();
        for (int kind = 0; kind < kinds.size(); kind++) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("name", kinds.get(kind).name());
            kinds.get(kind).budget().ifPresent(budget -> fields.put("budget", budget));
            fields.put("peak", profile.peakBytes()[kind]);
            fields.put("bytes", bytes(kind));
            series.add(fields);
        }
        series.add(Map.of("name", "process", "bytes", bytes(kinds.size())));
        Map<String, Object> memory = new LinkedHashMap<>();
        memory.put("times_us", times);
        memory.put("series", series);
        return memory;
    }

    private List<Object> bytes(int source) {
        List<Object> bytes = new ArrayList<>();
        for (int i = 0; i < profile.memory().size(); i++) {
            bytes.add(profile.memory().bytes(source, i));
        }
        return bytes;
    }

    private double micros(long timeNs) {
        return (timeNs - profile.originNs()) / NS_PER_US;
    }
}
