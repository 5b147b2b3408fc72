package io.millrace.executor.cpu.gradient;

import io.millrace.executor.schedule.OperatorNeeds;
import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import java.util.stream.LongStream;

/**
 * How much memory the way back takes beside a forward's, known before anything is allocated. In
 * floats.
 *
 * @param tape where values of a block and their gradients lie
 * @param inputs what came into each layer, of the whole batch
 * @param flow the gradient of the residual stream, of the whole batch
 * @param carried that of what the embedding makes once for all layers
 * @param held that of what a layer's experts are given, of the whole batch
 * @param gradients of the trained tensors of the largest block
 * @param ends the same of the block of both ends, where those are one
 * @param logits of a few rows
 * @param panel of a matrix that is not stored in float32
 * @param factors a pair of thin factors beside a matrix, or gradients of a tensor train's
 * @param thin products of rows with them, and what lies between two trains
 * @param vector factors of a norm, or of an adapter
 * @param partials what rows say of them
 */
public record BackwardPlan(
        TapePlan tape,
        long inputs,
        long flow,
        long carried,
        long held,
        long gradients,
        long ends,
        long logits,
        long panel,
        long factors,
        long thin,
        long vector,
        long partials) {
    /**
     * The plan for a model and the most that a step asks for.
     *
     * @param size of a step, virtual tokens included
     */
    public static BackwardPlan of(ModelProgram program, ModelLayout layout, ScratchSize size) {
        OperatorNeeds needs = new OperatorNeeds(program);
        long stream = (long) size.batchRows() * program.hiddenSize();
        boolean apart = layout.isTied();
        return new BackwardPlan(
                TapePlan.of(program, size),
                program.layers().size() * stream,
                stream,
                (long) MicroBatch.padded(needs.carriedRows()) * needs.carriedWidth(),
                (long) size.batchRows() * needs.heldWidth(),
                layout.blocks().stream()
                        .skip(apart ? 1 : 0)
                        .mapToLong(block -> floats(layout, block))
                        .max()
                        .orElse(0),
                apart ? floats(layout, layout.block(0)) : 0,
                ScoreBackward.logitFloats(program.logitCount(), size.microBatchRows()),
                GradientProducts.panelFloats(needs.matrices().toList()),
                Math.max(needs.thinFloats(), BottleneckBackward.factorFloats(program)),
                2L
                        * size.microBatchRows()
                        * Math.max(needs.thinRank(), needs.betweenFloats()),
                needs.vectorLength(),
                NormBackward.partialFloats(size.microBatchRows(), needs.vectorLength()));
    }

    private static long floats(ModelLayout layout, BlockLayout block) {
        return BlockGradients.floats(block, layout.beside());
    }

    /** Bytes of memory that all of it takes. */
    public long bytes() {
        return tape.bytes()
                + LongStream.of(
                                inputs, flow, carried, held, gradients, ends, logits, panel,
                                factors, thin, vector, partials)
                        .map(floats -> HostMemory.pageBytes(Math.max(1, floats) * Float.BYTES))
                        .sum();
    }
}
