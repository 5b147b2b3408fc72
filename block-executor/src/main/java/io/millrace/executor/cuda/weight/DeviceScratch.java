package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.schedule.OperatorNeeds;
import io.millrace.executor.step.RotaryTable;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.DType;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Value;
import io.millrace.model.spec.RopeSpec;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The memory of a {@link DeviceScratchPlan}, allocated once; a region of it may be shared. */
public final class DeviceScratch implements AutoCloseable {
    private final DeviceScratchPlan plan;
    private final ScratchSize size;
    private final int virtualTokens;
    private final int hiddenWidth;
    private final int keptWidth;
    private final long vectorLength;
    private final DeviceBuffer memory;
    private final DeviceBuffer passing; // of whoever shares it
    private final HostSlab staging;
    private final Map<RopeSpec, Long> rotary = new HashMap<>();

    /**
     * Allocates what a plan for the same model and size says, and fills the rotary tables.
     *
     * @param device what computes
     * @param host pinned memory
     * @param passing memory of as many bytes as the plan says pass; stays its owner's
     */
    public DeviceScratch(
            Device device,
            HostMemory host,
            ModelProgram program,
            ScratchSize size,
            DeviceScratchPlan plan,
            DeviceBuffer passing) {
        this.plan = plan;
        this.passing = passing;
        this.size = size;
        OperatorNeeds needs = new OperatorNeeds(program);
        virtualTokens = program.virtualTokens();
        hiddenWidth = program.hiddenSize();
        keptWidth = needs.keptWidth();
        vectorLength = needs.vectorLength();
        memory = device.allocate("hidden states and what is kept of them", plan.bytes().own());
        try {
            staging = host.allocatePinned("staging of a step", plan.bytes().staging());
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
        fillRotary(device, needs);
    }

    private void fillRotary(Device device, OperatorNeeds needs) {
        long offset = 0;
        for (RopeSpec rope : needs.ropes()) {
            RotaryTable.fillTable(rope, size.longest(), staging.segment(), offset / Float.BYTES);
            rotary.put(rope, address(Part.ROTARY) + offset);
            offset += RotaryTable.tableFloats(rope, size.longest()) * Float.BYTES;
        }
        if (offset > 0) {
            try (DeviceEvent copied = device.newEvent()) {
                long place = plan.offsets().get(Part.ROTARY);
                device.compute().copyH2D(staging.segment().asSlice(0, offset), memory, place);
                device.compute().record(copied);
                copied.synchronize();
            }
        }
    }

    public DType type() {
        return plan.type();
    }

    /** Tokens before each sequence's own, which take rows too. */
    public int virtualTokens() {
        return virtualTokens;
    }

    /** The most scales that states have room for at once. */
    public int scalesAtOnce() {
        return size.scalesAtOnce();
    }

    public DeviceScratchPlan plan() {
        return plan;
    }

    /** Where the parts of this forward's own lie. */
    public DeviceBuffer memory() {
        return memory;
    }

    /** Memory that forwards may share which take turns, for the largest of their plans. */
    public static DeviceBuffer passing(Device device, List<DeviceScratchPlan> plans) {
        return device.allocate("activations and perturbed weights", passingBytes(plans));
    }

    /** Bytes of it. */
    public static long passingBytes(List<DeviceScratchPlan> plans) {
        long most = plans.stream().mapToLong(plan -> plan.bytes().passing()).max().orElseThrow();
        return HostMemory.pageBytes(most);
    }

    /** Pinned host memory that tables and losses pass through. */
    public HostSlab staging() {
        return staging;
    }

    public long address(Part part) {
        DeviceBuffer region = plan.passes().contains(part) ? passing : memory;
        return region.address() + plan.offsets().get(part);
    }

    /** Hidden states of one query's scales, from a row of the batch on; float32. */
    public DeviceMatrix hidden(int firstScale, int row) {
        long perScale = (long) size.batchRows() * hiddenWidth;
        long elements = firstScale * perScale + (long) row * hiddenWidth;
        return new DeviceMatrix(
                address(Part.HIDDEN) + elements * Float.BYTES, perScale, hiddenWidth, DType.F32);
    }

    /** [rows, width] of a block's value of a micro-batch, for every scale of a query. */
    public DeviceMatrix states(int block, Value value) {
        return new DeviceMatrix(
                address(Part.STATES) + plan.program().states().offset(block, value),
                (long) size.microBatchRows() * value.width(),
                value.width(),
                plan.program().blocks().get(block).type(value, plan.type()));
    }

    /** What a block keeps of each token, from the row after those of earlier tokens. */
    public DeviceMatrix kept(int block, int past, int width) {
        long perScale = size.projectedRows() * keptWidth;
        long perLayer = size.keptTokens() > 0 ? perScale * size.scalesAtOnce() : 0;
        int layer = block - 1; // the ends keep nothing
        long elements = layer * perLayer + (long) past * width;
        return new DeviceMatrix(
                address(Part.KEPT) + elements * plan.type().sizeBytes(),
                perScale,
                width,
                plan.type());
    }

    /** Where one of the vectors of a block is formed for every scale, float32. */
    public long vector(int which) {
        return address(Part.VECTORS)
                + (long) which * size.scalesAtOnce() * vectorLength * Float.BYTES;
    }

    /** Rows from a scale's losses to the next. */
    public int lossRows() {
        return size.batchRows();
    }

    /** Where the losses of a query's scales go, from a head row of the batch on. */
    public long losses(int firstScale, int row) {
        long rows = (long) firstScale * size.batchRows() + row;
        return address(Part.LOSSES)
                + rows * io.millrace.executor.cuda.kernel.DeviceKernels.ROW_LOSS_BYTES;
    }

    /** Cosines and sines of a rotary embedding. */
    public long rotary(RopeSpec rope) {
        return rotary.get(rope);
    }

    @Override
    public void close() {
        staging.close();
        memory.close();
    }
}
