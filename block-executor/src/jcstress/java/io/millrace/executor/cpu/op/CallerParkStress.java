package io.millrace.executor.cpu.op;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A caller that parks is woken by whoever ends the last task. */
@JCStressTest
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "It sees the end, and is not woken.")
@Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "It sees the end, and is woken too.")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "It parks, and is woken.")
@Outcome(id = "1, 0", expect = Expect.FORBIDDEN, desc = "It parks, and nobody wakes it.")
@State
public class CallerParkStress {
    private final WorkerPool pool = new WorkerPool(2, false);

    /** One task is left. */
    public CallerParkStress() {
        pool.publish(1, Operator.GEMM, (task, worker) -> {});
    }

    /** Is about to park. */
    @Actor
    public void caller(II_Result result) {
        result.r1 = pool.callerMayPark() ? 1 : 0;
    }

    /** Ends the last task. */
    @Actor
    public void worker(II_Result result) {
        result.r2 = pool.finishTask() == null ? 0 : 1;
    }
}
