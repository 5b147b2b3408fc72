package io.millrace.telemetry;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A span that is recorded while the ring is drained is seen whole, once. */
@JCStressTest
@Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "Drained before: the next drain has it.")
@Outcome(id = "2, 0", expect = Expect.ACCEPTABLE, desc = "Drained after.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A span in part, twice or lost.")
@State
public class SpanRecordStress {
    private final SpanRing ring = SpanSight.ring(4);

    /** Writes. */
    @Actor
    public void record() {
        ring.record(
                SpanSight.BLOCK,
                SpanSight.STEP,
                SpanSight.START_NS,
                SpanSight.END_NS,
                SpanSight.BYTES);
    }

    /** Drains. */
    @Actor
    public void drain(II_Result result) {
        result.r1 = SpanSight.of(SpanSight.drain(ring));
    }

    /** Drains what is left. */
    @Arbiter
    public void rest(II_Result result) {
        result.r2 = SpanSight.whole(SpanSight.drain(ring));
    }
}
