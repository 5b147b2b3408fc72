package io.millrace.telemetry.report;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.MemoryGauge;
import io.millrace.telemetry.OperatorUse;
import io.millrace.telemetry.RunFacts;
import io.millrace.telemetry.RunFacts.BlockFact;
import io.millrace.telemetry.SpanRecorder;
import io.millrace.telemetry.StepMeter;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepObserver;
import io.millrace.telemetry.StepOverlap;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;

/** A run on a clock of its own: every block is read, computed and written, one after the other. */
final class MadeUpRun {
    private static final int ALL = -1;
    static final long MS = 1_000_000;
    static final long BLOCK_BYTES = 100L << 20;

    private final AtomicLong clock = new AtomicLong(7_000_000_000_000L);
    private final SpanRecorder spans = new SpanRecorder(1024, clock::get);
    private final StepMeter meter = new StepMeter(spans);
    private final int blocks;
    private long readMs = 4;
    private long computeMs = 10;
    private long writeMs = 2;
    private long otherMs = 1;
    private OptionalLong budget = OptionalLong.of(3 * BLOCK_BYTES);
    private String name = "layer";
    private int prefetch = 2;
    private int read = ALL;

    MadeUpRun(int blocks) {
        this.blocks = blocks;
    }

    MadeUpRun taking(long read, long compute, long write, long other) {
        readMs = read;
        computeMs = compute;
        writeMs = write;
        otherMs = other;
        return this;
    }

    MadeUpRun readingOnly(int block) {
        read = block;
        return this;
    }

    MadeUpRun named(String blockName) {
        name = blockName;
        return this;
    }

    MadeUpRun ahead(int blocksAhead) {
        prefetch = blocksAhead;
        return this;
    }

    MadeUpRun withoutBudget() {
        budget = OptionalLong.empty();
        return this;
    }

    Profile profile(int warmSteps, int measuredSteps) {
        try (ProfileRecorder recorder = new ProfileRecorder(warmSteps)) {
            watch(recorder, warmSteps + measuredSteps);
            return recorder.profile();
        }
    }

    /** Takes steps in which nothing overlaps, so that every figure can be told in the head. */
    void watch(StepObserver observer, int steps) {
        observer.begin(facts());
        for (int step = 1; step <= steps; step++) {
            meter.begin();
            observer.between(meter.spans());
            for (int block = 0; block < blocks; block++) {
                observer.visit();
                if (read == ALL || read == block) {
                    pass(Lane.NVME_READ, block, step, readMs, BLOCK_BYTES);
                }
                clock.addAndGet(otherMs * MS);
                pass(Lane.COMPUTE, block, step, computeMs, 0);
                pass(Lane.NVME_WRITE, block, step, writeMs, BLOCK_BYTES);
            }
            StepOverlap overlap = meter.end();
            observer.step(
                    new StepMetrics(
                            step, 2.5 - step * 0.1, 0.3, 1e-4, 512, overlap, OperatorUse.NONE, 0),
                    meter.spans(),
                    meter.startNs(),
                    meter.endNs());
        }
    }

    private void pass(Lane lane, int block, long step, long ms, long bytes) {
        if (ms > 0) {
            long token = spans.begin(lane, block, step);
            clock.addAndGet(ms * MS);
            spans.end(token, bytes);
        }
    }

    private RunFacts facts() {
        List<BlockFact> facts = new ArrayList<>();
        for (int block = 0; block < blocks; block++) {
            facts.add(new BlockFact(name + " " + block, BLOCK_BYTES, "nvme"));
        }
        MemoryGauge host =
                new MemoryGauge("host", budget, () -> 2 * BLOCK_BYTES, () -> 2 * BLOCK_BYTES);
        return new RunFacts(
                "a made-up run", "opt", "cpu", true, prefetch, facts, List.of(host), clock::get);
    }
}
