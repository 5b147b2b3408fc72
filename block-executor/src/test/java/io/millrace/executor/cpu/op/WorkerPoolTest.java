package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class WorkerPoolTest {
    @Test
    void runsEachTaskOnce() {
        try (WorkerPool pool = new WorkerPool(3)) {
            for (int tasks : new int[] {0, 1, 2, 3, 7, 1000}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
                pool.parallelFor(tasks, (task, worker) -> runs.incrementAndGet(task));
                for (int i = 0; i < tasks; i++) {
                    assertThat(runs.get(i)).as("task %d of %d", i, tasks).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void givesEachThreadItsOwnWorkerIndex() {
        try (WorkerPool pool = new WorkerPool(4)) {
            String[] names = new String[4];
            Set<String> clashes = ConcurrentHashMap.newKeySet();
            for (int round = 0; round < 200; round++) {
                pool.parallelFor(
                        16,
                        (task, worker) -> {
                            String name = Thread.currentThread().getName();
                            if (names[worker] != null && !names[worker].equals(name)) {
                                clashes.add(name);
                            }
                            names[worker] = name;
                        });
            }
            assertThat(clashes).isEmpty();
            assertThat(names[0]).isEqualTo(Thread.currentThread().getName());
            for (int i = 1; i < 4; i++) {
                assertThat(names[i]).isIn(null, "millrace-worker-" + i);
            }
        }
    }

    @Test
    void survivesManyTinyCallsWithPausesBetween() {
        try (WorkerPool pool = new WorkerPool(3)) {
            long[] slots = new long[8 * 16];
            for (int round = 0; round < 100_000; round++) {
                pool.parallelFor(8, (task, worker) -> slots[task * 16]++);
                if (round % 1000 == 0) {
                    LockSupport.parkNanos(200_000); // long enough for the others to park
                }
            }
            for (int task = 0; task < 8; task++) {
                assertThat(slots[task * 16]).isEqualTo(100_000);
            }
        }
    }

    @Test
    void throwsTheFirstFailureWhenAllHaveStopped() {
        try (WorkerPool pool = new WorkerPool(3)) {
            for (int round = 0; round < 1000; round++) {
                LongAdder running = new LongAdder();
                assertThatThrownBy(() ->
                                pool.parallelFor(
                                        64,
                                        (task, worker) -> {
                                            running.increment();
                                            try {
                                                if (task % 8 == 5) {
                                                    throw new IllegalStateException("at " + task);
                                                }
                                            } finally {
                                                running.decrement();
                                            }
                                        }))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageStartingWith("at ");
                assertThat(running.sum()).isZero();
            }
            long[] sum = new long[4];
            pool.parallelFor(4, (task, worker) -> sum[task] = task);
            assertThat(Arrays.stream(sum).sum()).isEqualTo(6);
        }
    }

    @Test
    void throwsAFailureOfASingleTask() {
        try (WorkerPool pool = new WorkerPool(2)) {
            assertThatThrownBy(() ->
                            pool.parallelFor(
                                    1,
                                    (task, worker) -> {
                                        throw new AssertionError("alone");
                                    }))
                    .hasMessage("alone");
            pool.parallelFor(1, (task, worker) -> assertThat(worker).isZero());
        }
    }

    @Test
    void refusesNestedCallsAndNegativeCounts() {
        try (WorkerPool pool = new WorkerPool(2)) {
            assertThatThrownBy(() ->
                            pool.parallelFor(
                                    1, (task, worker) -> pool.parallelFor(1, (t, w) -> {})))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("another call");
            assertThatThrownBy(() -> pool.parallelFor(-1, (task, worker) -> {}))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> new WorkerPool(0))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void endsItsThreadsWhenClosed() {
        WorkerPool pool = new WorkerPool(3);
        Thread[] seen = new Thread[3];
        for (int round = 0; round < 1000 && (seen[1] == null || seen[2] == null); round++) {
            pool.parallelFor(
                    64,
                    (task, worker) -> {
                        seen[worker] = Thread.currentThread();
                        LockSupport.parkNanos(10_000);
                    });
        }
        pool.close();
        pool.close();
        assertThat(seen[1].isAlive()).isFalse();
        assertThat(seen[2].isAlive()).isFalse();
        assertThatThrownBy(() -> pool.parallelFor(2, (task, worker) -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void keepsAnInterruptForTheCaller() {
        try (WorkerPool pool = new WorkerPool(2)) {
            Thread.currentThread().interrupt();
            LongAdder done = new LongAdder();
            pool.parallelFor(
                    2,
                    (task, worker) -> {
                        long until = System.nanoTime() + 2_000_000;
                        while (System.nanoTime() < until) {
                            Thread.onSpinWait();
                        }
                        done.increment();
                    });
            assertThat(done.sum()).isEqualTo(2);
            assertThat(Thread.interrupted()).isTrue();
        }
    }
}
