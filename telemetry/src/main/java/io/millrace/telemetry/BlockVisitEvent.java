package io.millrace.telemetry;

import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.EventType;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/**
 * One block's work on one lane, for JDK Flight Recorder. Where no recording asks for it, {@link
 * #start} answers one shared object and nothing is allocated or timed.
 */
@Name("io.millrace.BlockVisit")
@Label("Block visit")
@Description("One transformer block on one lane")
@Category("Millrace")
@StackTrace(false)
public final class BlockVisitEvent extends Event {
    private static final EventType TYPE = EventType.getEventType(BlockVisitEvent.class);
    private static final BlockVisitEvent OFF = new BlockVisitEvent();

    @Label("Lane")
    String lane;

    @Label("Block")
    int block;

    @Label("Step")
    long step;

    @Label("Bytes")
    @DataAmount
    long bytes;

    private BlockVisitEvent() {}

    /** Begins a visit now. */
    public static BlockVisitEvent start(Lane lane, int block, long step) {
        if (!TYPE.isEnabled()) {
            return OFF;
        }
        BlockVisitEvent event = new BlockVisitEvent();
        event.lane = lane.label();
        event.block = block;
        event.step = step;
        event.begin();
        return event;
    }

    /** Ends the visit now and records it. */
    public void finish(long byteCount) {
        if (this != OFF) {
            bytes = byteCount;
            commit();
        }
    }
}
