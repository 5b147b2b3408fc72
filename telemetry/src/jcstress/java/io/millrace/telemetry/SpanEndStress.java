package io.millrace.telemetry;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A span that ends while the ring is drained is in flight or whole, and whole once. */
@JCStressTest
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "In flight, and whole in the next drain.")
@Outcome(id = "2, 0", expect = Expect.ACCEPTABLE, desc = "Whole.")
@Outcome(expect = Expect.FORBIDDEN, desc = "A span in part, twice or lost.")
@State
public class SpanEndStress {
    private final SpanRing ring = SpanSight.ring(4);
    private final long span = ring.begin(SpanSight.BLOCK, SpanSight.STEP, SpanSight.START_NS);

    /** Ends it. */
    @Actor
    public void end() {
        ring.end(span, SpanSight.END_NS, SpanSight.BYTES);
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
