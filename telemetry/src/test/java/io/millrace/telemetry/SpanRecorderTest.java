package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class SpanRecorderTest {
    private final AtomicLong clock = new AtomicLong();
    private final SpanRecorder recorder = new SpanRecorder(8, clock::get);
    private final SpanLog log = recorder.newLog();

    @Test
    void givesBackEveryFieldOfARecordedSpan() {
        recorder.record(Lane.H2D, 7, 3, 10, 25, 4096);

        recorder.drain(100, log);

        assertThat(spans()).containsExactly("h2d block 7 step 3 [10,25] 4096");
    }

    @Test
    void timesSpansOnItsClock() {
        clock.set(40);
        long token = recorder.begin(Lane.NVME_WRITE, 2, 9);
        clock.set(90);
        recorder.end(token, 512);

        recorder.drain(100, log);

        assertThat(spans()).containsExactly("nvme-write block 2 step 9 [40,90] 512");
    }

    @Test
    void tellsASpanInFlightUntilItEndsAndItsBytesOnce() {
        clock.set(5);
        long token = recorder.begin(Lane.NVME_READ, 1, 2);
        clock.set(30);

        recorder.drain(20, log);
        assertThat(spans()).containsExactly("nvme-read block 1 step 2 [5,20] 0 in flight");

        recorder.end(token, 100);
        log.clear();
        recorder.drain(40, log);
        assertThat(spans()).containsExactly("nvme-read block 1 step 2 [5,30] 100");

        log.clear();
        recorder.drain(50, log);
        assertThat(spans()).isEmpty();
    }

    @Test
    void keepsASpanThatEndsAfterTheWindowForTheNext() {
        recorder.record(Lane.COMPUTE, 0, 1, 10, 30, 8);

        recorder.drain(20, log);
        recorder.drain(40, log);

        assertThat(spans())
                .containsExactly(
                        "compute block 0 step 1 [10,20] 0 in flight",
                        "compute block 0 step 1 [10,30] 8");
    }

    @Test
    void tellsSpansBehindAnUnfinishedOneExactlyOnce() {
        long open = recorder.begin(Lane.NVME_READ, 0, 1);
        for (int round = 0; round < 3; round++) {
            recorder.record(Lane.NVME_READ, 10 + round, 1, round, round + 1, 1);
            recorder.drain(clock.addAndGet(10), log);
        }
        recorder.end(open, 5);
        recorder.drain(100, log);

        assertThat(spans())
                .filteredOn(span -> !span.endsWith("in flight"))
                .containsExactly(
                        "nvme-read block 10 step 1 [0,1] 1",
                        "nvme-read block 11 step 1 [1,2] 1",
                        "nvme-read block 12 step 1 [2,3] 1",
                        "nvme-read block 0 step 1 [0,30] 5");
    }

    @Test
    void countsWhatItDropsAndGoesOnAfterADrain() {
        for (int i = 0; i < 11; i++) {
            assertThat(recorder.record(Lane.D2H, i, 1, i, i + 1, 1)).isEqualTo(i < 8);
        }
        assertThat(recorder.begin(Lane.D2H, 11, 1)).isEqualTo(SpanRecorder.DROPPED);
        recorder.end(SpanRecorder.DROPPED, 1);
        assertThat(recorder.dropped()).isEqualTo(4);

        recorder.drain(100, log);
        assertThat(log.size()).isEqualTo(8);
        assertThat(recorder.record(Lane.D2H, 12, 1, 0, 1, 1)).isTrue();
        assertThat(recorder.dropped()).isEqualTo(4);
    }

    @Test
    void refusesToEndASpanTwice() {
        long token = recorder.begin(Lane.H2D, 0, 1);
        recorder.end(token, 1);

        assertThatIllegalStateException().isThrownBy(() -> recorder.end(token, 2));
    }

    @Test
    void refusesToEndASpanWhoseSlotWasTakenByAnother() {
        long token = recorder.begin(Lane.H2D, 0, 1);
        recorder.end(token, 1);
        recorder.drain(100, log);
        for (int i = 0; i < 8; i++) {
            recorder.begin(Lane.H2D, i, 2);
        }

        assertThatIllegalStateException().isThrownBy(() -> recorder.end(token, 2));
    }

    @Test
    void refusesASpanThatEndsBeforeItBegins() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> recorder.record(Lane.H2D, 0, 1, 5, 4, 0))
                .withMessageContaining("h2d");
    }

    @Test
    void losesNothingBetweenManyWritersAndOneDrain() throws Exception {
        int writers = 4;
        int spansEach = 20_000;
        SpanRecorder shared = new SpanRecorder(64, System::nanoTime);
        SpanLog window = shared.newLog();
        Set<Integer> blocks = new HashSet<>();
        long bytes = 0;
        long written = 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(writers)) {
            List<Future<Long>> results = new ArrayList<>();
            for (int w = 0; w < writers; w++) {
                int base = w * spansEach;
                Lane lane = w < 2 ? Lane.NVME_READ : Lane.H2D; // two writers on a lane
                results.add(threads.submit(() -> writeSpans(shared, lane, base, spansEach)));
            }
            boolean running = true;
            while (running) {
                running = results.stream().anyMatch(result -> !result.isDone());
                window.clear();
                shared.drain(shared.now(), window);
                for (int i = 0; i < window.size(); i++) {
                    if (window.complete(i)) {
                        assertThat(blocks.add(window.block(i))).isTrue();
                        assertThat(window.step(i)).isEqualTo(window.block(i) * 3L);
                        assertThat(window.bytes(i)).isEqualTo(window.block(i) * 7L);
                        bytes += window.bytes(i);
                    }
                }
            }
            for (Future<Long> result : results) {
                written += result.get();
            }
        }
        assertThat(bytes).isEqualTo(written);
        assertThat(blocks.size() + shared.dropped()).isEqualTo((long) writers * spansEach);
    }

    private static long writeSpans(SpanRecorder recorder, Lane lane, int base, int count) {
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            int block = base + i;
            long token = recorder.begin(lane, block, block * 3L);
            if (token == SpanRecorder.DROPPED) {
                LockSupport.parkNanos(20_000); // lets the drain make room
            } else {
                recorder.end(token, block * 7L);
                bytes += block * 7L;
            }
        }
        return bytes;
    }

    @Test
    void allocatesNothingInSteadyState() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        SpanRecorder steady = new SpanRecorder(256, System::nanoTime);
        SpanLog window = steady.newLog();
        runSteps(steady, window, 50);

        long before = threads.getCurrentThreadAllocatedBytes();
        runSteps(steady, window, 100);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;

        assertThat(steady.dropped()).isZero();
        // 100 steps of 96 visits on five lanes: a leak of one object a span would be 1.5 MB.
        assertThat(allocated).isLessThan(4096);
    }

    private static void runSteps(SpanRecorder recorder, SpanLog window, int steps) {
        for (int step = 0; step < steps; step++) {
            for (int block = 0; block < 96; block++) {
                long read = recorder.begin(Lane.NVME_READ, block, step);
                long compute = recorder.begin(Lane.COMPUTE, block, step);
                recorder.end(read, 1);
                recorder.end(compute, 0);
                long now = recorder.now();
                recorder.record(Lane.H2D, block, step, now, now, 1);
                recorder.record(Lane.D2H, block, step, now, now, 1);
                recorder.record(Lane.NVME_WRITE, block, step, now, now, 1);
            }
            window.clear();
            recorder.drain(recorder.now(), window);
        }
    }

    private List<String> spans() {
        List<String> spans = new ArrayList<>();
        for (int i = 0; i < log.size(); i++) {
            spans.add(
                    "%s block %d step %d [%d,%d] %d%s"
                            .formatted(
                                    log.lane(i).label(),
                                    log.block(i),
                                    log.step(i),
                                    log.startNs(i),
                                    log.endNs(i),
                                    log.bytes(i),
                                    log.complete(i) ? "" : " in flight"));
        }
        return spans;
    }
}
