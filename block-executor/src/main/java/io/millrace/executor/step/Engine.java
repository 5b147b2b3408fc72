package io.millrace.executor.step;

import io.millrace.memory.device.Device;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.prefetch.BlockFeed;
import io.millrace.telemetry.SpanRecorder;
import java.util.Map;

/** Runs forwards on one kind of device; one object serves one session. */
public interface Engine extends AutoCloseable {
    /**
     * What forwards need beside the weights; known before anything is allocated.
     *
     * @param deviceBytes where the device computes
     * @param hostBytes of host memory that bytes pass through, where that is another place
     */
    record Need(long deviceBytes, long hostBytes) {}

    /**
     * What the session gives.
     *
     * @param device what computes; outlives the forward
     * @param deviceMemory memory that it computes in, where the host can address it
     * @param host pinned host memory
     * @param spec the model
     * @param layout its blocks
     * @param feed brings the blocks
     * @param size the size that was planned for
     * @param arithmetic what a run does to its parameters
     * @param spans what computing is recorded in
     */
    record Place(
            Device device,
            HostMemory deviceMemory,
            HostMemory host,
            DecoderSpec spec,
            ModelLayout layout,
            BlockFeed feed,
            ScratchSize size,
            Arithmetic arithmetic,
            SpanRecorder spans) {}

    /**
     * Plans for a model and a size.
     *
     * @param arithmetic what a run does to its parameters
     * @param workers threads of the CPU
     * @param saves whether tuned blocks will be read back
     * @throws io.millrace.memory.BadInputException where the engine or the model cannot do it
     */
    Need plan(
            DecoderSpec spec,
            ModelLayout layout,
            ScratchSize size,
            Arithmetic arithmetic,
            int workers,
            boolean saves);

    /**
     * Checks that a device can do what was planned; before a run has left anything anywhere.
     *
     * @throws io.millrace.memory.BadInputException where it cannot
     */
    default void require(Device device) {}

    /** Takes the memory that was planned; whoever asks owns the forward. */
    Forward start(Place place);

    /**
     * Worker-seconds since the engine started, by the name of each operator; empty where no workers
     * of a CPU compute.
     */
    default Map<String, Double> operatorSeconds() {
        return Map.of();
    }

    /** Frees what outlives forwards, after the last one is closed. */
    @Override
    default void close() {}
}
