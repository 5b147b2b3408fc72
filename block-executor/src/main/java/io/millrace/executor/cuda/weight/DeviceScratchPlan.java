package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.schedule.OperatorNeeds;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.LinearSpec;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * The memory that forwards on a CUDA device need beside the weights: two regions there, cut into
 * parts, and one of pinned host memory that bytes pass through. One region is a forward's own; what
 * the other holds is used up when a block of one micro-batch is through, so that forwards which
 * take turns may share it.
 *
 * @param program how each block runs
 * @param panels how large matrices are cut
 * @param offsets where each part begins in its region
 * @param passes which parts are in the region that may be shared
 * @param factors where low-rank updates are gathered; empty with dense directions
 * @param logitElements of a tile of logits, for each scale
 * @param bytes of all regions
 */
public record DeviceScratchPlan(
        DeviceProgram program,
        PanelSizes panels,
        Map<Part, Long> offsets,
        Set<Part> passes,
        Optional<FactorLayout> factors,
        long logitElements,
        Bytes bytes) {
    /**
     * How large regions are.
     *
     * @param own of the parts that a forward shares with none
     * @param passing of the others
     * @param staging of the host's
     */
    public record Bytes(long own, long passing, long staging) {}

    /** Kept vectors of a block: a bias, a norm's two, and the bias of gated states. */
    static final int VECTORS = 4;

    /** Integers a row has in the tables of a batch. */
    static final int INTS_PER_ROW = 8;

    /** What holds nothing from one micro-batch in a block to the next. */
    private static final Set<Part> PASSING =
            EnumSet.of(
                    Part.STATES,
                    Part.VECTORS,
                    Part.PANEL,
                    Part.SCALES,
                    Part.LOGITS,
                    Part.WORKSPACE,
                    Part.BESIDE,
                    Part.E4M3_INPUT,
                    Part.E4M3_PANEL,
                    Part.E4M3_SCALES);

    /** What the regions are cut into. */
    public enum Part {
        HIDDEN,
        KEPT, // what later tokens need: queries, keys and values
        STATES, // of one block
        VECTORS,
        PANEL,
        LOGITS,
        LOSSES,
        TABLES,
        ROTARY,
        WORKSPACE,
        GATHERED, // what updates of a low-rank run have gathered
        GATHERED_TABLE,
        FIXED, // orthonormal factors of all matrices, or those of a base
        ORTHONORMAL, // doubles in which they are made
        RIGHT, // V of the operator at work, as it is
        LEFT, // U of it, where that is fixed
        FOLD_RIGHT, // V as it was
        FOLD_LEFT, // U as it was
        FOLD_SIDE, // U times the core that is folded
        CORES, // of all scales, and of a fold
        SIDES, // left factors of a query
        RIGHTS, // right factors of all scales, where queries have their own
        TERM_LEFTS, // left factors of updates that do not gather
        TERM_RIGHTS,
        ESTIMATE, // what is made orthogonal, before and after an iteration
        ESTIMATE_SQUARES, // doubles
        SCALES, // of the packed matrix at work, where a run tunes them
        THIN, // inputs times a thin factor
        BESIDE, // the factors beside a matrix, one of them turned as well, and such products; or
        // the middle of a bottleneck
        OVERLAP, // of V before and after
        E4M3_INPUT, // what products read, rounded
        E4M3_PANEL,
        E4M3_SCALES
    }

    /**
     * The plan for a model and a size.
     *
     * @param lowRank how much low-rank directions ask for; empty with dense ones
     * @param quantizes whether products are of E4M3
     * @throws io.millrace.memory.BadInputException where a device cannot run the model
     */
    public static DeviceScratchPlan of(
            ModelProgram program,
            ModelLayout layout,
            ScratchSize size,
            PanelSizes panels,
            long workspaceBytes,
            Optional<LowRankSize> lowRank,
            boolean quantizes) {
        DType type = type(layout);
        OperatorNeeds needs = new OperatorNeeds(program);
        Map<Part, Long> bytes = new EnumMap<>(Part.class);
        long scales = size.scalesAtOnce();
        DeviceProgram onDevice = DeviceProgram.of(program, type, scales * size.microBatchRows());
        bytes.put(
                Part.HIDDEN,
                (long) size.scales() * size.batchRows() * program.hiddenSize() * Float.BYTES);
        long keeping = size.keptTokens() > 0 ? program.layers().size() : 1;
        long kept = keeping * scales * size.projectedRows() * needs.keptWidth();
        bytes.put(Part.KEPT, kept * type.sizeBytes());
        bytes.put(Part.STATES, onDevice.states().length());
        bytes.put(Part.VECTORS, VECTORS * scales * needs.vectorLength() * Float.BYTES);
        long rows = scales * size.microBatchRows();
        long sides = scales * needs.thinFloats() + rows * needs.thinRank();
        long between = rows * needs.betweenFloats();
        bytes.put(Part.BESIDE, Math.max(sides, between) * Float.BYTES);
        // All scales share what is stored of matrices that are only read, or read so.
        boolean shared =
                lowRank.isPresent() || (layout.beside().isPresent() && !layout.ownsBeside());
        long formed = shared ? 1 : scales;
        bytes.put(Part.PANEL, formed * panel(needs, panels) * type.sizeBytes());
        if (quantizes) {
            bytes.put(Part.E4M3_INPUT, scales * size.microBatchRows() * needs.widestInput());
            bytes.put(Part.E4M3_PANEL, formed * panel(needs, panels));
            bytes.put(Part.E4M3_SCALES, Fp8Operands.scaleBytes());
        }
        bytes.put(Part.SCALES, scales * ownScales(layout) * Float.BYTES);
        long logits = logits(needs.logits(), size, panels);
        bytes.put(Part.LOGITS, scales * logits * Float.BYTES);
        long losses = (long) size.scales() * size.batchRows() * DeviceKernels.ROW_LOSS_BYTES;
        bytes.put(Part.LOSSES, losses);
        long tables = (long) size.batches() * size.batchRows() * INTS_PER_ROW * Integer.BYTES;
        bytes.put(Part.TABLES, tables);
        long rotary = needs.rotaryFloats(size.longest()) * Float.BYTES;
        bytes.put(Part.ROTARY, rotary);
        bytes.put(Part.WORKSPACE, workspaceBytes);
        Optional<FactorLayout> factors = lowRank.map(FactorLayout::of);
        factors.ifPresent(gathered -> putFactors(bytes, gathered));
        Set<Part> passes = EnumSet.copyOf(PASSING);
        if (size.keptTokens() == 0) {
            passes.add(Part.KEPT);
        }
        Map<Part, Long> offsets = new EnumMap<>(Part.class);
        long own = 0;
        long passing = 0;
        for (Part part : Part.values()) {
            long length = DeviceProgram.aligned(bytes.getOrDefault(part, 0L));
            offsets.put(part, passes.contains(part) ? passing : own);
            if (passes.contains(part)) {
                passing += length;
            } else {
                own += length;
            }
        }
        long logitRow = (long) needs.logits().outputs() * Float.BYTES;
        long table = factors.map(FactorLayout::tableBytes).orElse(0L);
        long staging = LongStream.of(losses, tables, rotary, logitRow, table).max().getAsLong();
        return new DeviceScratchPlan(
                onDevice,
                panels,
                offsets,
                passes,
                factors,
                logits,
                new Bytes(own, passing, staging));
    }

    /** Bytes of device memory for a forward that shares nothing. */
    public long deviceBytes() {
        return HostMemory.pageBytes(bytes.own) + HostMemory.pageBytes(bytes.passing);
    }

    /** What products read. */
    public DType type() {
        return program.type();
    }

    private static void putFactors(Map<Part, Long> bytes, FactorLayout factors) {
        LowRankSize size = factors.size();
        long rank = size.direction().rank();
        bytes.put(Part.GATHERED, factors.bytes());
        bytes.put(Part.GATHERED_TABLE, factors.tableBytes());
        boolean kept = FactorLayout.keeps(size.direction());
        bytes.put(Part.FIXED, factors.fixedBytes());
        bytes.put(Part.ORTHONORMAL, size.orthonormal() * Double.BYTES);
        bytes.put(Part.RIGHT, kept ? 0 : size.longestRight() * Float.BYTES);
        bytes.put(Part.LEFT, kept ? 0 : size.longestFixedLeft() * Float.BYTES);
        bytes.put(Part.FOLD_RIGHT, size.longestRight() * Float.BYTES);
        bytes.put(Part.FOLD_LEFT, size.longestFixedLeft() * Float.BYTES);
        bytes.put(Part.FOLD_SIDE, size.longestFixedLeft() * Float.BYTES);
        bytes.put(Part.CORES, size.cores() * Float.BYTES);
        bytes.put(Part.SIDES, size.sides() * Float.BYTES);
        bytes.put(Part.RIGHTS, size.rights() * Float.BYTES);
        bytes.put(Part.TERM_LEFTS, size.termLefts() * Float.BYTES);
        bytes.put(Part.TERM_RIGHTS, size.termRights() * Float.BYTES);
        bytes.put(Part.ESTIMATE, 2 * size.estimate() * Float.BYTES);
        long squares = size.estimate() > 0 ? 2L * size.mostRank() * size.mostRank() : 0;
        bytes.put(Part.ESTIMATE_SQUARES, squares * Double.BYTES);
        bytes.put(Part.THIN, size.products() * Float.BYTES);
        bytes.put(Part.OVERLAP, size.momentum() ? rank * rank * Float.BYTES : 0);
    }

    /**
     * What products read: the type of all matrices that are plain, where they have one, else
     * float32. Matrices in fewer bits are formed in it.
     */
    private static DType type(ModelLayout layout) {
        List<DType> types =
                layout.blocks().stream()
                        .map(BlockLayout::tensors)
                        .flatMap(List::stream)
                        .filter(slot -> !slot.isVector() && slot.isPlain())
                        .map(TensorSlot::dtype)
                        .distinct()
                        .toList();
        return types.size() == 1 ? types.getFirst() : DType.F32;
    }

    /** The most scales of a packed matrix, of those that a run tunes. */
    private static long ownScales(ModelLayout layout) {
        return layout.beside().filter(_ -> layout.ownsBeside()).stream()
                .flatMap(scales -> scales.blocks().stream())
                .flatMap(block -> block.tensors().stream())
                .mapToLong(TensorSlot::elementCount)
                .max()
                .orElse(0);
    }

    /** Elements of the largest part of a matrix that is formed at once. */
    private static long panel(OperatorNeeds needs, PanelSizes panels) {
        LinearSpec logits = needs.logits();
        long largest = (long) panels.ids(logits.outputs(), logits.inputs()) * logits.inputs();
        for (List<LinearSpec> matrices : needs.products()) {
            for (LinearSpec matrix : matrices) {
                largest = Math.max(largest, formed(matrix, panels));
            }
            if (panels.stack(matrices)) {
                largest = Math.max(largest, elements(matrices));
            }
        }
        return largest;
    }

    private static long elements(List<LinearSpec> matrices) {
        return matrices.stream()
                .mapToLong(matrix -> (long) matrix.outputs() * matrix.inputs())
                .sum();
    }

    private static long formed(LinearSpec matrix, PanelSizes panels) {
        // Rows of an input-major matrix hold all outputs: it is formed whole.
        long outputs =
                matrix.inputMajor()
                        ? matrix.outputs()
                        : panels.outputs(matrix.outputs(), matrix.inputs());
        return outputs * matrix.inputs();
    }

    /** Elements of a tile of logits, or of one whole row where that is more. */
    private static long logits(LinearSpec logits, ScratchSize size, PanelSizes panels) {
        long rows = Math.min(panels.logitRows(), size.microBatchRows());
        long tile = rows * panels.ids(logits.outputs(), logits.inputs());
        return Math.max(tile, logits.outputs());
    }
}
