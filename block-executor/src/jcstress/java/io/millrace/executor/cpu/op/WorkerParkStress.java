package io.millrace.executor.cpu.op;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A worker that parks is woken by the call that it did not see. */
@JCStressTest
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "It sees the tasks, and is not woken.")
@Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "It sees the tasks, and is woken too.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "It parks, and is woken.")
@Outcome(id = "1, 0", expect = Expect.FORBIDDEN, desc = "It parks, and nobody wakes it.")
@State
public class WorkerParkStress {
    private final WorkerPool pool = new WorkerPool(2, false);

    /** Is about to park. */
    @Actor
    public void worker(II_Result result) {
        result.r1 = pool.mayPark(1) ? 1 : 0;
    }

    /** Has tasks for it. */
    @Actor
    public void caller(II_Result result) {
        pool.publish(2, Operator.GEMM, (task, worker) -> {});
        result.r2 = pool.isParked(1) ? 1 : 0;
    }
}
