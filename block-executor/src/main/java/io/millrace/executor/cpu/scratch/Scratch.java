package io.millrace.executor.cpu.scratch;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.schedule.OperatorNeeds;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.ScratchSize;
import io.millrace.executor.step.Variants;
import io.millrace.memory.DType;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Value;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All memory that a forward needs beside the weights, allocated once, float32 but for operands:
 * hidden states of the whole batch for every scale, and {@link Intermediates}.
 */
public final class Scratch implements AutoCloseable {
    private final ScratchSize size;
    private final ScratchPlan plan;
    private final int virtualTokens;
    private final int hiddenWidth;
    private final int heldWidth;
    private final int carriedRows;
    private final int carriedWidth;
    private final List<Map<Value, Integer>> heldColumns; // of each block
    private final int keptWidth;
    private final long vectorLength;
    private final long panelLength;
    private final HostSlab hidden;
    private final Intermediates passing;
    private final boolean ownsPassing;
    private final DType operandType;
    private final RotaryTables rotaryTables;

    /**
     * Allocates what a plan for the same model, size and number of workers says.
     *
     * @param memory where the device computes
     */
    public Scratch(HostMemory memory, ModelProgram program, ScratchSize size, ScratchPlan plan) {
        this(memory, program, size, plan, new Intermediates(memory, List.of(plan)), true);
    }

    /**
     * The same with intermediates that others have too; these stay open.
     *
     * @param memory where the device computes
     * @param passing where intermediates lie, of this plan among others
     */
    public Scratch(
            HostMemory memory,
            ModelProgram program,
            ScratchSize size,
            ScratchPlan plan,
            Intermediates passing) {
        this(memory, program, size, plan, passing, false);
    }

    private Scratch(
            HostMemory memory,
            ModelProgram program,
            ScratchSize size,
            ScratchPlan plan,
            Intermediates passing,
            boolean ownsPassing) {
        this.size = size;
        this.plan = plan;
        this.passing = passing;
        this.ownsPassing = ownsPassing;
        OperatorNeeds needs = new OperatorNeeds(program);
        virtualTokens = program.virtualTokens();
        hiddenWidth = program.hiddenSize();
        heldWidth = needs.heldWidth();
        carriedRows = needs.carriedRows();
        carriedWidth = needs.carriedWidth();
        heldColumns = program.blocks().stream().map(Scratch::columns).toList();
        keptWidth = needs.keptWidth();
        vectorLength = needs.vectorLength();
        operandType = plan.operands();
        panelLength = ScratchPlan.panelLength(needs, size, operandType);
        OwnedResources owned = new OwnedResources();
        if (ownsPassing) {
            owned.own(passing);
        }
        try {
            hidden =
                    owned.own(
                            memory.allocate(
                                    "hidden states", Math.max(1, plan.hidden()) * Float.BYTES));
            rotaryTables = new RotaryTables(memory, needs.ropes(), size.longest());
        } catch (RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }

    /** Rows of a whole batch. */
    public int batchRows() {
        return size.batchRows();
    }

    /** Tokens of the longest sequence. */
    public int longest() {
        return size.longest();
    }

    /** Scales of all queries that may be asked together. */
    public int scales() {
        return size.scales();
    }

    /** Hidden states from a row of the batch on, for a query whose first scale has this index. */
    public Variants hidden(int firstScale, int row) {
        long perScale = (long) size.batchRows() * hiddenWidth;
        return new Variants(
                new Floats(hidden.segment(), firstScale * perScale + (long) row * hiddenWidth),
                perScale,
                hiddenWidth);
    }

    private static Map<Value, Integer> columns(BlockProgram block) {
        Map<Value, Integer> columns = new HashMap<>();
        int column = 0;
        for (Value value : block.held()) {
            columns.put(value, column);
            column += value.width();
        }
        return columns;
    }

    /** What waits for experts, of the rows that {@link #hidden} says; empty where nothing does. */
    public Optional<Variants> held(int firstScale, int row) {
        if (heldWidth == 0) {
            return Optional.empty();
        }
        long before = (long) size.scales() * size.batchRows() * hiddenWidth;
        long perScale = (long) size.batchRows() * heldWidth;
        long first = before + firstScale * perScale + (long) row * heldWidth;
        return Optional.of(new Variants(new Floats(hidden.segment(), first), perScale, heldWidth));
    }

    /**
     * What the embedding makes once for all layers, for a query whose first scale has this index;
     * empty where it makes nothing.
     */
    public Optional<Variants> carried(int firstScale) {
        if (carriedWidth == 0) {
            return Optional.empty();
        }
        long before = (long) size.scales() * size.batchRows() * (hiddenWidth + heldWidth);
        long perScale = (long) MicroBatch.padded(carriedRows) * carriedWidth;
        long first = before + firstScale * perScale;
        return Optional.of(
                new Variants(new Floats(hidden.segment(), first), perScale, carriedWidth));
    }

    /** Rows of that. */
    public int carriedRows() {
        return carriedRows;
    }

    /** Where in a row a block's value begins that waits for its experts. */
    public int heldColumn(int block, Value value) {
        return heldColumns.get(block).get(value);
    }

    /** Tokens before each sequence's own, which take rows too. */
    public int virtualTokens() {
        return virtualTokens;
    }

    /** How many blocks there are. */
    public int blocks() {
        return plan.schedules().size();
    }

    /** How a block runs, by its place in the program. */
    public Schedule schedule(int block) {
        return plan.schedules().get(block);
    }

    /** [rows, width] of a block's value for every scale at once. */
    public Variants states(int block, Value value, int rows) {
        return variants(
                passing.states().at(plan.states().offset(block, value)), value.width(), rows);
    }

    /** The most rows of all scales that go through a block together. */
    public int rowsAtOnce() {
        return Math.toIntExact(size.rowsAtOnce());
    }

    /** Memory of the states, which hold nothing between passes. */
    public Floats idle() {
        return passing.states();
    }

    /** What a block keeps of each token, from the row after those of earlier tokens. */
    public Variants kept(int block, int past) {
        long perScale = size.projectedRows() * keptWidth;
        long perLayer = size.keptTokens() > 0 ? perScale * size.scalesAtOnce() : 0;
        int layer = block - 1; // the ends keep nothing
        return new Variants(
                passing.kept().at(layer * perLayer + (long) past * keptWidth), perScale, keptWidth);
    }

    /** Where one of three vectors of a block is formed for every scale: a bias, or a norm's two. */
    public Floats vector(int which) {
        return passing.vectors().at((long) which * size.scalesAtOnce() * vectorLength);
    }

    /**
     * Where the thin factors beside a matrix are formed for every scale, and products with them.
     */
    public Floats thin() {
        return vector(ScratchPlan.VECTORS);
    }

    /** Where a small matrix is formed for every scale. */
    public Floats wholeMatrix() {
        return passing.wholeMatrix();
    }

    /** Where a worker forms a panel for every scale. */
    public Floats panel(int worker) {
        return passing.panels().at(worker * panelLength);
    }

    /** The same place as float32, for a row that is added and not multiplied with. */
    public Floats row(int worker) {
        return new Floats(
                passing.panels().segment(),
                worker * panelLength * operandType.sizeBytes() / Float.BYTES);
    }

    /** What products with weights read. */
    public DType operandType() {
        return operandType;
    }

    /** [rows, width] for every scale at once: left factors in the type that products read. */
    public Variants inputs(int width, int rows) {
        return variants(passing.inputs(), width, rows);
    }

    /** Where a worker makes a tile of a product that never exists whole. */
    public Floats tile(int worker) {
        return passing.tiles().at(worker * ScratchPlan.tileLength());
    }

    /** What remains of each head row and panel of the vocabulary, for every scale at once. */
    public Floats partials() {
        return passing.partials();
    }

    public RotaryTables rotaryTables() {
        return rotaryTables;
    }

    @Override
    public void close() {
        rotaryTables.close();
        hidden.close();
        if (ownsPassing) {
            passing.close();
        }
    }

    /** Without a gap between the scales, so that one product may take the rows of all of them. */
    private static Variants variants(Floats place, int width, int rows) {
        return new Variants(place, (long) MicroBatch.padded(rows) * width, width);
    }
}
