package io.millrace.executor.cpu.gradient;

import io.millrace.executor.cpu.gradient.op.AttentionGradient;
import io.millrace.executor.schedule.OperatorNeeds;
import io.millrace.executor.step.MicroBatch;
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
 * @param batch what lies from one block to the next
 * @param blocks gradients of blocks' tensors
 * @param work what operators need while they run
 */
public record BackwardPlan(TapePlan tape, Batch batch, Blocks blocks, Work work) {
    /**
     * Of the whole batch.
     *
     * @param inputs what came into each layer
     * @param flow the gradient of the residual stream
     * @param carried that of what the embedding makes once for all layers
     * @param held that of what a layer's experts are given
     */
    record Batch(long inputs, long flow, long carried, long held) {
        LongStream all() {
            return LongStream.of(inputs, flow, carried, held);
        }
    }

    /**
     * Gradients.
     *
     * @param gradients of the trained tensors of the largest block
     * @param ends the same of the block of both ends, where those are one
     */
    record Blocks(long gradients, long ends) {}

    /**
     * Of operators.
     *
     * @param logits of a few rows
     * @param panel of a matrix that is not stored in float32
     * @param factors a pair of thin factors beside a matrix, or gradients of a tensor train's
     * @param thin products of rows with them, and what lies between two trains
     * @param vector factors of a norm, or of an adapter
     * @param partials what rows say of them
     * @param tiles weights of attention and their gradients, of every worker
     */
    record Work(
            long logits,
            long panel,
            long factors,
            long thin,
            long vector,
            long partials,
            long tiles) {
        LongStream all() {
            return LongStream.of(logits, panel, factors, thin, vector, partials, tiles);
        }
    }

    /**
     * The plan for a model and the most that a step asks for.
     *
     * @param size of a step, virtual tokens included
     * @param workers threads at work
     */
    public static BackwardPlan of(
            ModelProgram program, ModelLayout layout, ScratchSize size, int workers) {
        OperatorNeeds needs = new OperatorNeeds(program);
        long rows = size.microBatchRows();
        long stream = (long) size.batchRows() * program.hiddenSize();
        Batch batch =
                new Batch(
                        program.layers().size() * stream,
                        stream,
                        (long) MicroBatch.padded(needs.carriedRows()) * needs.carriedWidth(),
                        (long) size.batchRows() * needs.heldWidth());
        boolean apart = layout.isTied();
        Blocks blocks =
                new Blocks(
                        layout.blocks().stream()
                                .skip(apart ? 1 : 0)
                                .mapToLong(block -> floats(layout, block))
                                .max()
                                .orElse(0),
                        apart ? floats(layout, layout.block(0)) : 0);
        long widest =
                needs.matrices()
                        .mapToLong(one -> Math.max(one.inputs(), one.outputs()))
                        .max()
                        .orElse(1);
        Work work =
                new Work(
                        ScoreBackward.logitFloats(program.logitCount(), size.microBatchRows()),
                        GradientProducts.panelFloats(widest),
                        Math.max(needs.thinFloats(), BottleneckBackward.factorFloats(program)),
                        2 * rows * Math.max(needs.thinRank(), needs.betweenFloats()),
                        needs.vectorLength(),
                        NormBackward.partialFloats(rows, needs.vectorLength()),
                        workers * AttentionGradient.tileFloats(size.longest()));
        return new BackwardPlan(TapePlan.of(program, size), batch, blocks, work);
    }

    private static long floats(ModelLayout layout, BlockLayout block) {
        return BlockGradients.floats(block, layout.beside());
    }

    /** Bytes of memory that all of it takes. */
    public long bytes() {
        LongStream gradients = LongStream.of(blocks.gradients, blocks.ends);
        return tape.bytes()
                + LongStream.concat(LongStream.concat(batch.all(), gradients), work.all())
                        .map(floats -> HostMemory.pageBytes(Math.max(1, floats) * Float.BYTES))
                        .sum();
    }
}
