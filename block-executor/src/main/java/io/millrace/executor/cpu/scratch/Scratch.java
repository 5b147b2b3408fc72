package io.millrace.executor.cpu.scratch;

import io.millrace.executor.step.DecoderWidths;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.Variants;
import io.millrace.memory.DType;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.spec.DecoderSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * All memory that a forward needs beside the weights, allocated once, float32 but for operands:
 * hidden states of the whole batch for every scale, the intermediates of one micro-batch for the
 * scales of one probe, and the places where weights are formed.
 */
public final class Scratch implements AutoCloseable {
    private final List<HostSlab> slabs = new ArrayList<>();
    private final ScratchSize size;
    private final int hiddenWidth;
    private final int projectedWidth;
    private final long vectorLength;
    private final long panelLength;
    private final Floats hidden;
    private final Floats normed;
    private final Floats projected;
    private final Floats context;
    private final Floats inner;
    private final Floats gate;
    private final Floats vectors;
    private final Floats wholeMatrix;
    private final Floats panels;
    private final Floats inputs;
    private final DType operandType;
    private final Floats tiles;
    private final Floats partials;
    private final RotaryTables rotaryTables;

    /**
     * Allocates what a plan for the same decoder, size and number of workers says.
     *
     * @param memory where the device computes
     */
    public Scratch(HostMemory memory, DecoderSpec spec, ScratchSize size, ScratchPlan plan) {
        this.size = size;
        hiddenWidth = spec.hiddenSize();
        projectedWidth = DecoderWidths.widest(spec, layer -> layer.attention().rowWidth());
        vectorLength = DecoderWidths.vectorLength(spec);
        operandType = plan.operands();
        panelLength = ScratchPlan.panelLength(spec, size, operandType);
        try {
            hidden = allocate(memory, "hidden states", plan.hidden());
            normed = allocate(memory, "normed states", plan.normed());
            projected = allocate(memory, "queries, keys and values", plan.projected());
            context = allocate(memory, "attention results", plan.context());
            inner = allocate(memory, "feed-forward states", plan.inner());
            gate = allocate(memory, "gate states", plan.gate());
            vectors = allocate(memory, "perturbed vectors", plan.vectors());
            wholeMatrix = allocate(memory, "perturbed matrices", plan.wholeMatrix(), operandType);
            panels = allocate(memory, "perturbed panels", plan.panels(), operandType);
            inputs = allocate(memory, "rounded inputs", plan.inputs(), operandType);
            tiles = allocate(memory, "tiles of logits", plan.tiles());
            partials = allocate(memory, "partial losses", plan.partials());
            rotaryTables = new RotaryTables(memory, spec, size.longest());
        } catch (RuntimeException | Error e) {
            closeSlabs();
            throw e;
        }
    }

    /** Hidden states from a row of the batch on, for a probe whose first scale has this index. */
    public Variants hidden(int firstScale, int row) {
        long perScale = (long) size.batchRows() * hiddenWidth;
        return new Variants(
                hidden.at(firstScale * perScale + (long) row * hiddenWidth), perScale, hiddenWidth);
    }

    /** [rows, width] for every scale of a probe: after a norm, or before a projection. */
    public Variants normed(int width, int rows) {
        return variants(normed, width, rows);
    }

    /** Rows of projections of one layer, from the row after those that are kept. */
    public Variants projected(int layer, int past) {
        long perScale = size.projectedRows() * projectedWidth;
        long perLayer = size.keptTokens() > 0 ? perScale * size.scalesPerProbe() : 0;
        return new Variants(
                projected.at(layer * perLayer + (long) past * projectedWidth),
                perScale,
                projectedWidth);
    }

    /** [rows, width] for every scale of a probe: what attention gives. */
    public Variants context(int width, int rows) {
        return variants(context, width, rows);
    }

    /** [rows, width] for every scale of a probe: inside the feed-forward part. */
    public Variants inner(int width, int rows) {
        return variants(inner, width, rows);
    }

    /** The same for the gate. */
    public Variants gate(int width, int rows) {
        return variants(gate, width, rows);
    }

    /** Where one of three vectors of a block is formed for every scale: a bias, or a norm's two. */
    public Floats vector(int which) {
        return vectors.at((long) which * size.scalesPerProbe() * vectorLength);
    }

    /** Where a small matrix is formed for every scale. */
    public Floats wholeMatrix() {
        return wholeMatrix;
    }

    /** Where a worker forms a panel for every scale. */
    public Floats panel(int worker) {
        return panels.at(worker * panelLength);
    }

    /** The same place as float32, for a row that is added and not multiplied with. */
    public Floats row(int worker) {
        return new Floats(
                panels.segment(), worker * panelLength * operandType.sizeBytes() / Float.BYTES);
    }

    /** What products with weights read. */
    public DType operandType() {
        return operandType;
    }

    /** [rows, width] for every scale of a probe: left factors in the type that products read. */
    public Variants inputs(int width, int rows) {
        return variants(inputs, width, rows);
    }

    /** Where a worker makes a tile of a product that never exists whole. */
    public Floats tile(int worker) {
        return tiles.at(worker * ScratchPlan.tileLength());
    }

    /** What remains of each head row and panel of the vocabulary, for every scale of a probe. */
    public Floats partials() {
        return partials;
    }

    public RotaryTables rotaryTables() {
        return rotaryTables;
    }

    @Override
    public void close() {
        rotaryTables.close();
        closeSlabs();
    }

    private void closeSlabs() {
        slabs.forEach(HostSlab::close);
    }

    /** Without a gap between the scales, so that one product may take the rows of all of them. */
    private static Variants variants(Floats place, int width, int rows) {
        return new Variants(place, (long) MicroBatch.padded(rows) * width, width);
    }

    private Floats allocate(HostMemory memory, String purpose, long floats) {
        return allocate(memory, purpose, floats, DType.F32);
    }

    private Floats allocate(HostMemory memory, String purpose, long elements, DType type) {
        HostSlab slab = memory.allocate(purpose, Math.max(1, elements) * type.sizeBytes());
        slabs.add(slab);
        return new Floats(slab.segment(), 0, type);
    }
}
