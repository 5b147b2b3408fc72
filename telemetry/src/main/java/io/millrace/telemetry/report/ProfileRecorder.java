package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.MemoryGauge;
import io.millrace.telemetry.MemorySampler;
import io.millrace.telemetry.ResidentSize;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import java.util.stream.Stream;

/** Watches a run and keeps what the steps after the warm ones showed. */
public final class ProfileRecorder implements StepObserver, AutoCloseable {
    private static final int SAMPLES = 4096;

    private final int warmSteps;
    private final SpanLog drawn = new SpanLog(4096);
    private final SpanLog unfinished = new SpanLog(8);
    private final List<Profile.Step> steps = new ArrayList<>();
    private final ResidentSize resident = new ResidentSize();
    private RunFacts facts;
    private MemorySampler memory;
    private double[][] blockSeconds;
    private double[] blockWaitSeconds;
    private int seen;

    /** A recorder that lets some steps pass first. */
    public ProfileRecorder(int warmSteps) {
        this.warmSteps = warmSteps;
    }

    @Override
    public void begin(RunFacts ofRun) {
        facts = ofRun;
        List<LongSupplier> sources =
                Stream.concat(
                                facts.memory().stream().map(MemoryGauge::inUse),
                                Stream.of(resident::bytes))
                        .toList();
        memory = new MemorySampler(SAMPLES, facts.clock(), sources);
        blockSeconds = new double[facts.blocks().size()][Lane.values().length];
        blockWaitSeconds = new double[facts.blocks().size()];
        memory.sample();
    }

    @Override
    public void visit() {
        memory.sample();
    }

    @Override
    public void between(SpanLog spans) {
        if (seen >= warmSteps) {
            keep(spans);
        }
    }

    @Override
    public void step(StepMetrics metrics, SpanLog spans, long startNs, long endNs) {
        memory.sample();
        if (seen++ < warmSteps) {
            return;
        }
        keep(spans);
        WaitMeter waits = WaitMeter.of(spans, startNs, endNs, blockWaitSeconds.length);
        for (int block = 0; block < blockWaitSeconds.length; block++) {
            blockWaitSeconds[block] += waits.ofBlocks()[block];
        }
        steps.add(new Profile.Step(metrics, startNs, endNs, waits.waits()));
    }

    private void keep(SpanLog spans) {
        drawn.addComplete(spans);
        unfinished.clear();
        unfinished.addUnfinished(spans);
        for (int i = 0; i < spans.size(); i++) {
            if (spans.complete(i) && spans.block(i) >= 0) {
                blockSeconds[spans.block(i)][spans.lane(i).index()] +=
                        (spans.endNs(i) - spans.startNs(i)) / 1e9;
            }
        }
    }

    /** The steps measured so far. */
    public int measuredSteps() {
        return steps.size();
    }

    /** What was seen; at least one step was measured. */
    public Profile profile() {
        double count = steps.size();
        double[][] seconds = new double[blockSeconds.length][];
        double[] waits = new double[blockWaitSeconds.length];
        for (int block = 0; block < waits.length; block++) {
            seconds[block] = new double[blockSeconds[block].length];
            for (int lane = 0; lane < seconds[block].length; lane++) {
                seconds[block][lane] = blockSeconds[block][lane] / count;
            }
            waits[block] = blockWaitSeconds[block] / count;
        }
        SpanLog all = new SpanLog(drawn.size() + unfinished.size());
        all.addComplete(drawn);
        all.addComplete(unfinished);
        long[] peaks = facts.memory().stream().mapToLong(kind -> kind.peak().getAsLong()).toArray();
        return new Profile(facts, warmSteps, steps, all, seconds, waits, memory, peaks);
    }

    @Override
    public void close() {
        resident.close();
    }
}
