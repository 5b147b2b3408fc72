package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

class OperatorClockTest {
    private static final long NAP_NS = 20_000_000;

    private static void nap() {
        long end = System.nanoTime() + NAP_NS;
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }

    @Test
    void addsUpWhatEachWorkerSpentAtAnOperator() {
        OperatorClock clock = new OperatorClock(3);
        long begin = System.nanoTime();
        for (int worker = 0; worker < 2; worker++) {
            clock.enter(worker, Operator.GEMM);
        }
        nap();
        clock.enter(0, Operator.FORM);
        nap();
        clock.enter(0, Operator.OTHER);
        clock.enter(1, Operator.OTHER);
        double all = (System.nanoTime() - begin) * 1e-9;

        Map<String, Double> seconds = clock.seconds();
        double nap = NAP_NS * 1e-9;
        assertThat(seconds.get("gemm")).isBetween(3 * nap, 2 * all);
        assertThat(seconds.get("form")).isBetween(nap, all);
        assertThat(seconds.get("loss")).isZero();
        assertThat(seconds).doesNotContainKey("other");
    }

    @Test
    void leavesOutWhatAWorkerIsStillAt() {
        OperatorClock clock = new OperatorClock(1);
        clock.enter(0, Operator.NORM);
        nap();
        assertThat(clock.seconds().get("norm")).isZero();
    }

    @Test
    void aPoolChargesItsTasksToTheOperatorThatTheyBeginWith() {
        try (WorkerPool pool = new WorkerPool(2)) {
            pool.parallelFor(4, Operator.ATTENTION, (index, worker) -> nap());
            Map<String, Double> seconds = pool.clock().seconds();
            assertThat(seconds.get("attention")).isGreaterThanOrEqualTo(4 * NAP_NS * 1e-9);
            assertThat(seconds.get("gemm")).isZero();
        }
    }
}
