package io.millrace.executor.cpu.scratch;

import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Loss;
import io.millrace.executor.step.DecoderWidths;
import io.millrace.executor.step.RotaryTable;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.DType;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.Objects;
import java.util.stream.LongStream;

/**
 * How many numbers each part of the scratch memory has: known before anything is allocated, so that
 * a run which cannot fit says so first.
 *
 * @param hidden hidden states of the whole batch for all scales
 * @param normed states after a norm, or before a projection, of one micro-batch and probe
 * @param projected queries, keys and values
 * @param context attention results
 * @param inner feed-forward states
 * @param gate the same for the gate
 * @param vectors three vectors of a block
 * @param wholeMatrix a small matrix, formed whole
 * @param panels a panel of a large matrix for each worker
 * @param inputs left factors that were rounded for products
 * @param tiles a tile of logits for each worker
 * @param partials partial losses
 * @param rotary tables of cosines and sines
 * @param operands what matrices, panels and inputs are, as products read them; all else is float32
 */
public record ScratchPlan(
        long hidden,
        long normed,
        long projected,
        long context,
        long inner,
        long gate,
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

    private static final int ANY_NUMBER = 1 << 20;

    /** The plan for a decoder, a size, a number of workers, and the type that products read. */
    public static ScratchPlan of(DecoderSpec spec, ScratchSize size, int workers, DType operands) {
        long scales = size.scalesPerProbe();
        long rows = scales * size.microBatchRows();
        int widest = Math.max(spec.hiddenSize(), spec.embedding().width());
        int innerWidth = DecoderWidths.widest(spec, layer -> layer.mlp().up().outputs());
        int projectedWidth = DecoderWidths.widest(spec, layer -> layer.attention().rowWidth());
        boolean gated = spec.layers().stream().anyMatch(layer -> layer.mlp().gate() != null);
        long kept = size.keptTokens() > 0 ? spec.layers().size() : 1;
        return new ScratchPlan(
                (long) size.scales() * size.batchRows() * spec.hiddenSize(),
                rows * widest,
                kept * scales * size.projectedRows() * projectedWidth,
                rows * Math.max(DecoderWidths.widest(spec, DecoderWidths::contextWidth), widest),
                rows * innerWidth,
                gated ? rows * innerWidth : 1,
                3 * scales * DecoderWidths.vectorLength(spec),
                scales * Math.min(WHOLE_MATRIX_ELEMENTS, largestMatrix(spec)),
                workers * panelLength(spec, size, operands),
                operands == DType.F32 ? 0 : rows * widestInput(spec),
                workers * tileLength(),
                scales * Loss.partialFloats(size.microBatchRows(), vocabularyPanels(spec)),
                rotary(spec, size.longest()),
                operands);
    }

    /** Bytes of memory that all of it takes. */
    public long bytes() {
        return slabBytes(
                        DType.F32, hidden, normed, projected, context, inner, gate, vectors, tiles,
                        partials)
                + slabBytes(operands, wholeMatrix, panels, inputs)
                + HostMemory.pageBytes(rotary * Float.BYTES); // a model without has no such slab
    }

    private static long slabBytes(DType type, long... lengths) {
        return LongStream.of(lengths)
                .map(elements -> HostMemory.pageBytes(Math.max(1, elements) * type.sizeBytes()))
                .sum();
    }

    /** Elements that a worker needs to form a panel of any matrix for every scale. */
    static long panelLength(DecoderSpec spec, ScratchSize size, DType operands) {
        long longest =
                DecoderWidths.matrices(spec)
                        .mapToLong(matrix -> (long) panelWidth(matrix) * matrix.inputs())
                        .max()
                        .orElse(1);
        // A row of a table of positions is formed in the same place, as float32.
        int perFloat = Float.BYTES / operands.sizeBytes();
        long length =
                size.scalesPerProbe() * Math.max(longest, (long) spec.hiddenSize() * perFloat);
        return Math.ceilDiv(length, perFloat) * perFloat;
    }

    /** Floats of the largest tile of a product. */
    static long tileLength() {
        return (long) GemmTiles.of(ANY_NUMBER, ANY_NUMBER).rowTile()
                * GemmTiles.of(1, ANY_NUMBER).columnTile();
    }

    private static long widestInput(DecoderSpec spec) {
        return DecoderWidths.matrices(spec).mapToLong(LinearSpec::inputs).max().orElse(1);
    }

    private static int panelWidth(LinearSpec matrix) {
        return Math.min(matrix.outputs(), GemmTiles.of(1, matrix.outputs()).columnTile());
    }

    private static int vocabularyPanels(DecoderSpec spec) {
        return GemmTiles.of(ANY_NUMBER, spec.head().logits().outputs()).columnTiles();
    }

    private static long rotary(DecoderSpec spec, int positions) {
        return spec.layers().stream()
                .map(layer -> layer.attention().rope())
                .filter(Objects::nonNull)
                .distinct()
                .mapToLong(rope -> tableFloats(rope, positions))
                .sum();
    }

    private static long tableFloats(RopeSpec rope, int positions) {
        // Each table is a slab of its own, in whole pages.
        long bytes = RotaryTable.tableFloats(rope, positions) * Float.BYTES;
        return HostMemory.pageBytes(Math.max(1, bytes)) / Float.BYTES;
    }

    private static long largestMatrix(DecoderSpec spec) {
        return DecoderWidths.matrices(spec)
                .mapToLong(matrix -> (long) matrix.inputs() * matrix.outputs())
                .max()
                .orElse(1);
    }
}
