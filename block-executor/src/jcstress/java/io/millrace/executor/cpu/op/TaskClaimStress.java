package io.millrace.executor.cpu.op;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/**
 * A worker that claims a task has the task of this call and not of the one before, and what it
 * wrote is there when the caller returns.
 */
@JCStressTest
@Outcome(id = "3, 12", expect = Expect.ACCEPTABLE, desc = "Each task once, and both are seen.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A task lost, done twice, or of another call.")
@State
public class TaskClaimStress {
    private static final int TASKS = 2;

    private final WorkerPool pool = new WorkerPool(2, false);
    private final int[] first = new int[TASKS];
    private final int[] second = new int[TASKS];

    /** Calls twice, and adds up what was done. */
    @Actor
    public void call(II_Result result) {
        pool.parallelFor(TASKS, Operator.GEMM, (task, worker) -> first[task] += 1 + task);
        result.r1 = first[0] + first[1];
        pool.parallelFor(TASKS, Operator.LOSS, (task, worker) -> second[task] += 4 * (1 + task));
        result.r2 = second[0] + second[1];
    }

    /** Claims what there is, as a worker does. */
    @Actor
    public void work() {
        pool.drain(1);
        pool.drain(1);
        pool.drain(1);
    }
}
