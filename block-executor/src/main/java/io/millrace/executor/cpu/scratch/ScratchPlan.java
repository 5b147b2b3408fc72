package io.millrace.executor.cpu.scratch;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Loss;
import io.millrace.executor.schedule.OperatorNeeds;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.schedule.StatesPlan;
import io.millrace.executor.step.RotaryTable;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.DType;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;

/**
 * How many numbers each part of the scratch memory has: known before anything is allocated, so that
 * a run which cannot fit says so first.
 *
 * @param schedules how each block runs, in the order of visits
 * @param states where the values of a block lie, of one micro-batch and group of queries; in floats
 * @param hidden hidden states of the whole batch for all scales, what waits for experts, and what
 *     the embedding carries to all layers
 * @param kept what later tokens need: queries, keys and values
 * @param vectors three vectors of a block, and the thin factors beside a matrix
 * @param wholeMatrix a small matrix, formed whole
 * @param panels a panel of a large matrix for each worker
 * @param inputs left factors that were rounded for products
 * @param tiles a tile of logits for each worker
 * @param partials partial losses
 * @param rotary tables of cosines and sines
 * @param operands what matrices, panels and inputs are, as products read them; all else is float32
 */
public record ScratchPlan(
        List<Schedule> schedules,
        StatesPlan states,
        long hidden,
        long kept,
        long vectors,
        long wholeMatrix,
        long panels,
        long inputs,
        long tiles,
        long partials,
        long rotary,
        DType operands) {
    /** Matrices up to this size are formed whole and shared; larger ones a panel at a time. */
    public static final long WHOLE_MATRIX_ELEMENTS = 1L << 20;

    /** A bias, or a norm's two, and a third that is formed while they are read. */
    static final int VECTORS = 3;

    private static final int ANY_NUMBER = 1 << 20;

    /** States begin on pages, as if each had memory of its own. */
    private static final long STATE_QUANTUM = HostMemory.pageBytes(1) / Float.BYTES;

    /** The plan for a model, a size, a number of workers, and the type that products read. */
    public static ScratchPlan of(
            ModelProgram program, ScratchSize size, int workers, DType operands) {
        return of(program, program.logitCount(), size, workers, operands);
    }

    /**
     * The same where not all logits are made in one visit.
     *
     * @param logits the most that are
     */
    public static ScratchPlan of(
            ModelProgram program, int logits, ScratchSize size, int workers, DType operands) {
        OperatorNeeds needs = new OperatorNeeds(program);
        List<Schedule> schedules = CpuFusing.schedules(program);
        long scales = size.scalesAtOnce();
        long rows = scales * size.microBatchRows();
        long keeping = size.keptTokens() > 0 ? program.layers().size() : 1;
        return new ScratchPlan(
                schedules,
                StatesPlan.of(schedules, (_, value) -> aligned(rows * value.width())),
                (long) size.scales() * size.batchRows() * (program.hiddenSize() + needs.heldWidth())
                        + (long) size.scales()
                                * MicroBatch.padded(needs.carriedRows())
                                * needs.carriedWidth(),
                keeping * scales * size.projectedRows() * needs.keptWidth(),
                VECTORS * scales * needs.vectorLength()
                        + scales * needs.thinFloats()
                        + rows * needs.thinRank(),
                size.formedScales() * Math.min(WHOLE_MATRIX_ELEMENTS, largestMatrix(needs)),
                workers * panelLength(needs, size, operands),
                operands == DType.F32 ? 0 : rows * needs.widestInput(),
                workers * tileLength(),
                scales * Loss.partialFloats(size.microBatchRows(), vocabularyPanels(logits)),
                rotary(needs, size.longest()),
                operands);
    }

    private static long aligned(long floats) {
        return Math.ceilDiv(floats, STATE_QUANTUM) * STATE_QUANTUM;
    }

    /** Bytes of memory that all of it takes. */
    public long bytes() {
        return ownBytes() + Intermediates.bytes(List.of(this));
    }

    /** Those of them that a forward has for itself, whoever takes turns with it. */
    public long ownBytes() {
        return HostMemory.pageBytes(Math.max(1, hidden) * Float.BYTES)
                + HostMemory.pageBytes(rotary * Float.BYTES); // a model without has no such slab
    }

    /** Elements that a worker needs to form a panel of any matrix, or a row for every scale. */
    static long panelLength(OperatorNeeds needs, ScratchSize size, DType operands) {
        long longest =
                needs.matrices()
                        .mapToLong(matrix -> (long) panelWidth(matrix) * matrix.inputs())
                        .max()
                        .orElse(1);
        // A row of a table that is added is formed in the same place, as float32.
        int perFloat = Float.BYTES / operands.sizeBytes();
        long length =
                Math.max(
                        size.formedScales() * longest,
                        size.scalesAtOnce() * (long) needs.tableWidth() * perFloat);
        return Math.ceilDiv(length, perFloat) * perFloat;
    }

    /** Floats of the largest tile of a product. */
    static long tileLength() {
        return (long) GemmTiles.of(ANY_NUMBER, ANY_NUMBER).rowTile()
                * GemmTiles.of(1, ANY_NUMBER).columnTile();
    }

    private static int panelWidth(LinearSpec matrix) {
        return Math.min(matrix.outputs(), GemmTiles.of(1, matrix.outputs()).columnTile());
    }

    private static int vocabularyPanels(int logits) {
        return GemmTiles.of(ANY_NUMBER, logits).columnTiles();
    }

    private static long rotary(OperatorNeeds needs, int positions) {
        return needs.ropes().stream().mapToLong(rope -> tableFloats(rope, positions)).sum();
    }

    private static long tableFloats(RopeSpec rope, int positions) {
        // Each table is a slab of its own, in whole pages.
        long bytes = RotaryTable.tableFloats(rope, positions) * Float.BYTES;
        return HostMemory.pageBytes(Math.max(1, bytes)) / Float.BYTES;
    }

    private static long largestMatrix(OperatorNeeds needs) {
        return needs.matrices()
                .mapToLong(matrix -> (long) matrix.inputs() * matrix.outputs())
                .max()
                .orElse(1);
    }
}
