package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.cpu.gradient.op.AttentionGradient;
import io.millrace.executor.cpu.weight.RoundedRows;
import io.millrace.executor.schedule.OperatorNeeds;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.gradient.GradientRule;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How much memory the way back takes beside a forward's, known before anything is allocated.
 *
 * @param tape where values of a block and their gradients lie
 * @param floats of each other part
 * @param inputs how many layers' inputs are in memory at once
 * @param spills bytes of the areas that the rest is set aside in: what came into each layer, in
 *     order, and for a tied model the gradients of both ends; none where all of it is in memory
 */
public record BackwardPlan(TapePlan tape, Map<Part, Long> floats, int inputs, List<Long> spills) {
    // One is made while another is written; on the way back one is used while another is read.
    private static final int INPUTS_AT_ONCE = 3;
    private static final int PAGE_FLOATS = HostMemory.PAGE_BYTES / Float.BYTES;

    /** A part of the memory. */
    enum Part {
        /** Of the whole batch, layer by layer. */
        INPUTS("what came into layers"),
        /** Of the whole batch. */
        FLOW("the gradient of the stream"),
        /** Of what the embedding makes once for all layers. */
        CARRIED("the gradient of what is carried"),
        /** Of the whole batch. */
        HELD("the gradient of what experts were given"),
        /** Of the trained tensors of the largest block. */
        GRADIENTS("gradients of a block"),
        /** The same of the block of both ends, where those are one. */
        ENDS("gradients of both ends"),
        /** Of some rows at a time. */
        LOGITS("logits of a few rows"),
        /** Of a matrix that is not stored in the type that products read. */
        PANEL("a panel of weights"),
        /** Rounded for products, of the largest matrix. */
        GIVEN("gradients of what comes out of a product"),
        /** The same. */
        SEEN("what came into a product"),
        /** A pair beside a matrix, or of a bottleneck. */
        FACTORS("thin factors"),
        /** Of the rows of a micro-batch. */
        THIN("products with thin factors"),
        /** Factors of a norm, or of an adapter. */
        VECTOR("a vector of weights"),
        /** What pieces of rows say of such. */
        PARTIALS("sums over some rows"),
        /** Weights and their gradients, of every worker. */
        TILES("tiles of attention"),
        /** Of the tensor that needs most. */
        RULE("what the update rule works in");

        private final String purpose;

        Part(String purpose) {
            this.purpose = purpose;
        }

        /** What it is for, as a refusal names it. */
        String purpose() {
            return purpose;
        }
    }

    /** Freezes the map. */
    public BackwardPlan {
        floats = Collections.unmodifiableMap(new EnumMap<>(floats));
        spills = List.copyOf(spills);
    }

    /**
     * The plan for a model and the most that a step asks for.
     *
     * @param size of a step, virtual tokens included
     * @param workers threads at work
     * @param operands that products with weights read
     * @param rule what becomes of blocks whose gradient is known
     */
    public static BackwardPlan of(
            ModelProgram program,
            ModelLayout layout,
            ScratchSize size,
            int workers,
            DType operands,
            GradientRule rule) {
        OperatorNeeds needs = new OperatorNeeds(program);
        long stream = (long) size.batchRows() * program.hiddenSize();
        long rows = size.microBatchRows();
        int first = layout.isTied() ? 1 : 0;
        Map<Part, Long> floats = new EnumMap<>(Part.class);
        floats.put(Part.INPUTS, program.layers().size() * inputFloats(stream));
        floats.put(Part.FLOW, stream);
        floats.put(
                Part.CARRIED, (long) MicroBatch.padded(needs.carriedRows()) * needs.carriedWidth());
        floats.put(Part.HELD, (long) size.batchRows() * needs.heldWidth());
        floats.put(
                Part.GRADIENTS,
                layout.blocks().stream()
                        .skip(first)
                        .mapToLong(block -> trained(layout, block))
                        .max()
                        .orElse(0));
        floats.put(Part.ENDS, layout.isTied() ? trained(layout, layout.block(0)) : 0);
        floats.put(
                Part.LOGITS,
                ScoreBackward.logitFloats(program.logitCount(), size.microBatchRows()));
        floats.put(Part.PANEL, GradientProducts.panelFloats(needs.matrices().toList()));
        floats.put(Part.GIVEN, givenFloats(program, needs, operands, rows));
        floats.put(
                Part.SEEN,
                needs.matrices()
                        .mapToLong(spec -> RoundedRows.floats(operands, rows, spec.inputs()))
                        .max()
                        .orElse(0));
        floats.put(
                Part.FACTORS,
                Math.max(needs.thinFloats(), BottleneckBackward.factorFloats(program)));
        floats.put(Part.THIN, 2 * rows * Math.max(needs.thinRank(), needs.betweenFloats()));
        floats.put(Part.VECTOR, needs.vectorLength());
        floats.put(Part.PARTIALS, NormBackward.partialFloats(rows, needs.vectorLength()));
        floats.put(Part.TILES, workers * AttentionGradient.tileFloats(size.longest()));
        floats.put(
                Part.RULE,
                layout.blocks().stream()
                        .flatMap(block -> BlockGradients.trained(block, layout.beside()))
                        .mapToLong(slot -> rule.workFloats(slot.shape()))
                        .max()
                        .orElse(0));
        return new BackwardPlan(
                TapePlan.of(program, size), floats, program.layers().size(), List.of());
    }

    /** Of logits, few rows are there at once. */
    private static long givenFloats(
            ModelProgram program, OperatorNeeds needs, DType operands, long rows) {
        int ids = program.logitCount();
        long logits = ScoreBackward.rowsAtOnce(ids, Math.toIntExact(rows));
        return needs.matrices()
                .mapToLong(LinearSpec::outputs)
                .map(outputs ->
                        RoundedRows.floats(operands, outputs == ids ? logits : rows, outputs))
                .max()
                .orElse(0);
    }

    /** Each layer's input begins with a page, so that it can go to a drive. */
    static long inputFloats(long stream) {
        return Math.ceilDiv(stream, PAGE_FLOATS) * PAGE_FLOATS;
    }

    /**
     * The same with what came into most layers on a drive, and the gradients of both ends too,
     * which then lie where those of other blocks do.
     */
    public Optional<BackwardPlan> spilling() {
        long ends = floats.get(Part.ENDS);
        if (!spills.isEmpty() || inputs == 0 || (inputs <= INPUTS_AT_ONCE && ends == 0)) {
            return Optional.empty();
        }
        int kept = Math.min(inputs, INPUTS_AT_ONCE);
        long each = floats.get(Part.INPUTS) / inputs;
        Map<Part, Long> less = new EnumMap<>(floats);
        less.put(Part.INPUTS, kept * each);
        less.put(Part.GRADIENTS, Math.max(floats.get(Part.GRADIENTS), ends));
        less.put(Part.ENDS, 0L);
        List<Long> areas =
                new ArrayList<>(Collections.nCopies(inputs, Math.max(1, each) * Float.BYTES));
        if (ends > 0) {
            areas.add(ends * Float.BYTES);
        }
        return Optional.of(new BackwardPlan(tape, less, kept, areas));
    }

    private static long trained(ModelLayout layout, BlockLayout block) {
        return BlockGradients.floats(block, layout.beside());
    }

    /** Bytes of memory that a part takes. */
    long bytes(Part part) {
        return Math.max(1, floats.get(part)) * Float.BYTES;
    }

    /** Bytes of memory that all of it takes. */
    public long bytes() {
        long sum = tape.bytes();
        for (Part part : Part.values()) {
            sum += HostMemory.pageBytes(bytes(part));
        }
        return sum;
    }
}
