package io.millrace.telemetry;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** The only slot of a ring goes to one of two writers, and the other is counted. */
@JCStressTest
@Outcome(id = "1, 1, 1", expect = Expect.ACCEPTABLE, desc = "One has it, one is dropped.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A span in part, twice or lost.")
@State
public class SpanSlotStress {
    private final SpanRing ring = SpanSight.ring(1);
    private int first;
    private int second;

    private int record() {
        boolean taken =
                ring.record(
                        SpanSight.BLOCK,
                        SpanSight.STEP,
                        SpanSight.START_NS,
                        SpanSight.END_NS,
                        SpanSight.BYTES);
        return taken ? 1 : 0;
    }

    /** Writes. */
    @Actor
    public void one() {
        first = record();
    }

    /** Writes too. */
    @Actor
    public void other() {
        second = record();
    }

    /** Counts. */
    @Arbiter
    public void rest(III_Result result) {
        result.r1 = first + second;
        result.r2 = (int) ring.dropped();
        result.r3 = SpanSight.whole(SpanSight.drain(ring));
    }
}
