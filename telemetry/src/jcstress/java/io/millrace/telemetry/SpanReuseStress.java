package io.millrace.telemetry;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** A slot is another span's only once it was read: nothing is seen in part. */
@JCStressTest
@Outcome(
        id = "0, 1, 0",
        expect = Expect.ACCEPTABLE,
        desc = "Dropped: the first was not drained yet.")
@Outcome(
        id = "1, 1, 1",
        expect = Expect.ACCEPTABLE,
        desc = "The second came after, and is in the next drain.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A span in part, twice or lost.")
@State
public class SpanReuseStress {
    private final SpanRing ring = SpanSight.ring(1);

    /** Fills the ring. */
    public SpanReuseStress() {
        ring.record(
                SpanSight.BLOCK,
                SpanSight.STEP,
                SpanSight.START_NS,
                SpanSight.END_NS,
                SpanSight.BYTES);
    }

    /** Writes into the slot, if it is free by now. */
    @Actor
    public void record(III_Result result) {
        boolean taken =
                ring.record(
                        SpanSight.BLOCK,
                        SpanSight.STEP,
                        SpanSight.START_NS,
                        SpanSight.END_NS,
                        SpanSight.BYTES);
        result.r1 = taken ? 1 : 0;
    }

    /** Drains. */
    @Actor
    public void drain(III_Result result) {
        result.r2 = SpanSight.whole(SpanSight.drain(ring));
    }

    /** Drains what is left. */
    @Arbiter
    public void rest(III_Result result) {
        result.r3 = SpanSight.whole(SpanSight.drain(ring));
    }
}
