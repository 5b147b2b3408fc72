package io.millrace.telemetry;

import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.EventType;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.Percentage;
import jdk.jfr.StackTrace;

/**
 * One step, for JDK Flight Recorder. Where no recording asks for it, {@link #start} answers one
 * shared object and nothing is allocated or timed.
 */
@Name("io.millrace.Step")
@Label("Step")
@Description("One tuning step and how its lanes overlapped")
@Category("Millrace")
@StackTrace(false)
public final class StepEvent extends Event {
    private static final EventType TYPE = EventType.getEventType(StepEvent.class);
    private static final StepEvent OFF = new StepEvent();

    @Label("Step")
    long step;

    @Label("Loss")
    double loss;

    @Label("Tokens per second")
    double tokensPerSecond;

    @Label("Hidden transfer")
    @Percentage
    double hiddenTransfer;

    @Label("Pipeline efficiency")
    @Percentage
    double pipelineEfficiency;

    @Label("Bound lane")
    String boundLane;

    private StepEvent() {}

    /** Begins a step now. */
    public static StepEvent start() {
        if (!TYPE.isEnabled()) {
            return OFF;
        }
        StepEvent event = new StepEvent();
        event.begin();
        return event;
    }

    /** Ends the step's time now; what is measured after this does not count to it. */
    public void stop() {
        if (this != OFF) {
            end();
        }
    }

    /** Records the step with its figures. */
    public void finish(StepMetrics metrics) {
        if (this != OFF) {
            step = metrics.step();
            loss = metrics.loss();
            tokensPerSecond = metrics.tokensPerSecond();
            hiddenTransfer = metrics.overlap().hiddenTransfer();
            pipelineEfficiency = metrics.overlap().pipelineEfficiency();
            boundLane = metrics.overlap().boundLane().label();
            commit();
        }
    }
}
