package io.millrace.executor.step;

import io.millrace.executor.companion.CompanionSource;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.Device;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.RowSource;
import io.millrace.memory.nvme.SpillFile;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.prefetch.BlockFeed;
import io.millrace.telemetry.SpanRecorder;
import java.util.List;
import java.util.Optional;

/** Plans forwards on one kind of device. Nothing of it is loaded before a plan is started. */
public interface Engine {
    /**
     * What forwards need beside the weights; known before anything is allocated.
     *
     * @param deviceBytes where the device computes
     * @param hostBytes of host memory that bytes pass through, where that is another place
     * @param spills bytes of each area of a drive for what is set aside within a step
     */
    record Need(long deviceBytes, long hostBytes, List<Long> spills) {
        /** Of forwards that set nothing aside. */
        public Need(long deviceBytes, long hostBytes) {
            this(deviceBytes, hostBytes, List.of());
        }
    }

    /**
     * What the session gives.
     *
     * @param device what computes; outlives the forward
     * @param deviceMemory memory that it computes in, where the host can address it
     * @param host pinned host memory
     * @param feed brings the blocks
     * @param spans what computing is recorded in
     * @param beside fills what is trained beside the blocks, where anything is
     * @param rows of the table that lies in no block, where there is one
     * @param spills where values are set aside within a step, if the plan asks for that
     */
    record Place(
            Device device,
            HostMemory deviceMemory,
            HostMemory host,
            BlockFeed feed,
            SpanRecorder spans,
            CompanionSource beside,
            Optional<RowSource> rows,
            Optional<SpillFile> spills) {
        /** Of a model that has nothing beside its blocks. */
        public Place(
                Device device,
                HostMemory deviceMemory,
                HostMemory host,
                BlockFeed feed,
                SpanRecorder spans) {
            this(
                    device,
                    deviceMemory,
                    host,
                    feed,
                    spans,
                    (companion, bytes) -> {
                        throw new IllegalStateException("nothing fills " + companion);
                    },
                    Optional.empty(),
                    Optional.empty());
        }

        /** The same of one that has. */
        public Place withBeside(CompanionSource source) {
            return new Place(device, deviceMemory, host, feed, spans, source, rows, spills);
        }

        /** The same of one that reads rows of a table alone. */
        public Place withRows(Optional<RowSource> source) {
            return new Place(device, deviceMemory, host, feed, spans, beside, source, spills);
        }

        /** The same of one that sets values aside. */
        public Place withSpills(Optional<SpillFile> file) {
            return new Place(device, deviceMemory, host, feed, spans, beside, rows, file);
        }
    }

    /** Forwards that were planned: nothing of them is allocated. */
    interface Plan {
        Need need();

        /**
         * The same forwards in less memory, with values that wait for long set aside on a drive;
         * empty where there are none, or they are already.
         */
        default Optional<Plan> spilling() {
            return Optional.empty();
        }

        /**
         * Checks that a device can do what was planned; before a run has left anything anywhere.
         *
         * @throws BadInputException where it cannot
         */
        default void require(Device device) {}

        /** Takes the memory that was planned; whoever asks owns the forward. */
        Forward start(Place place);
    }

    /**
     * Plans for a model and a size.
     *
     * @param size the most that any forward asks for
     * @param arithmetic what a run does to its parameters
     * @param workers threads of the CPU
     * @param saves whether tuned blocks will be read back
     * @throws BadInputException where the engine or the model cannot do it
     */
    Plan plan(
            ModelProgram program,
            ModelLayout layout,
            ScratchSize size,
            Arithmetic arithmetic,
            int workers,
            boolean saves);

    /**
     * Plans of this engine over the same blocks, as one: for runs that only read them.
     *
     * @param plans the runs'
     * @param memory bytes in which blocks and all that computes have to lie
     */
    Forward.Joint.Plan together(List<Plan> plans, long memory);
}
