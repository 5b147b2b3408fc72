package io.millrace.bench.jmh;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.ResidentSize;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.SpanRecorder;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Nanoseconds that recording costs a run: a span with its share of the drain, and in a profile a
 * sample of memory.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(2)
public class SpanBenchmark {
    private static final int SPANS = 1024;

    private final SpanRecorder recorder = new SpanRecorder();
    private final SpanLog log = recorder.newLog();
    private ResidentSize resident;

    /** A state for the harness to fill. */
    public SpanBenchmark() {}

    /** Opens what samples read. */
    @Setup
    public void prepare() {
        resident = new ResidentSize();
    }

    /** Closes it. */
    @TearDown
    public void close() {
        resident.close();
    }

    /** Begin and end of a span, drained once a step of so many spans. */
    @Benchmark
    @OperationsPerInvocation(SPANS)
    public int span() {
        for (int i = 0; i < SPANS; i++) {
            long token = recorder.begin(Lane.COMPUTE, i, 1);
            recorder.end(token, i);
        }
        log.clear();
        recorder.drain(recorder.now(), log);
        return log.size();
    }

    /** What a profile adds to each visit, beside reading a few counters. */
    @Benchmark
    public long residentSize() {
        return resident.bytes();
    }

    /** Runs this benchmark alone, with what it allocates. */
    public static void main(String[] args) throws RunnerException {
        new Runner(
                        new OptionsBuilder()
                                .include(SpanBenchmark.class.getSimpleName())
                                .addProfiler(GCProfiler.class)
                                .build())
                .run();
    }
}
