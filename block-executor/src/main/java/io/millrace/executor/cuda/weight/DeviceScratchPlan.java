package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.step.DecoderWidths;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.RotaryTable;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.LongStream;

/**
 * The memory that forwards on a CUDA device need beside the weights: one region there, cut into
 * parts, and one of pinned host memory that bytes pass through.
 *
 * @param type what products read, F32, F16 or BF16
 * @param panels how large matrices are cut
 * @param offsets where each part begins
 * @param factors where low-rank updates are gathered; empty with dense directions
 * @param logitElements of a tile of logits, for each scale
 * @param deviceBytes of all parts
 * @param stagingBytes of the host's region
 */
public record DeviceScratchPlan(
        DType type,
        PanelSizes panels,
        Map<Part, Long> offsets,
        Optional<FactorLayout> factors,
        long logitElements,
        long deviceBytes,
        long stagingBytes) {
    /** Kept vectors of a block: a bias, a norm's two, and the bias of gated states. */
    static final int VECTORS = 4;

    /** Integers a row has in the tables of a batch. */
    static final int INTS_PER_ROW = 6;

    private static final long ALIGNMENT = 256;

    /** What the region is cut into. */
    public enum Part {
        HIDDEN,
        NORMED,
        PROJECTED,
        CONTEXT,
        INNER,
        GATE,
        RESULT,
        VECTORS,
        PANEL,
        LOGITS,
        LOSSES,
        TABLES,
        ROTARY,
        WORKSPACE,
        GATHERED, // what updates of a low-rank run have gathered
        GATHERED_TABLE,
        RIGHT, // V of the operator at work, as it is
        FOLD_RIGHT, // V as it was
        SIDES, // left factors of a probe
        THIN, // inputs times a thin factor
        OVERLAP, // of V before and after
        E4M3_INPUT, // what products read, rounded
        E4M3_PANEL,
        E4M3_SCALES
    }

    /**
     * The plan for a decoder and a size.
     *
     * @param lowRank how much low-rank directions ask for; empty with dense ones
     * @param quantizes whether products are of E4M3
     */
    public static DeviceScratchPlan of(
            DecoderSpec spec,
            ModelLayout layout,
            ScratchSize size,
            PanelSizes panels,
            long workspaceBytes,
            Optional<LowRankSize> lowRank,
            boolean quantizes) {
        DType type = type(layout);
        Map<Part, Long> bytes = new EnumMap<>(Part.class);
        long scales = size.scalesPerProbe();
        long states = scales * size.microBatchRows() * type.sizeBytes();
        int widest = Math.max(spec.hiddenSize(), spec.embedding().width());
        int inner = DecoderWidths.widest(spec, layer -> layer.mlp().up().outputs());
        boolean gated = spec.layers().stream().anyMatch(layer -> layer.mlp().gate() != null);
        bytes.put(
                Part.HIDDEN,
                (long) size.scales() * size.batchRows() * spec.hiddenSize() * Float.BYTES);
        bytes.put(Part.NORMED, states * widest);
        bytes.put(Part.PROJECTED, projected(spec, size) * type.sizeBytes());
        bytes.put(
                Part.CONTEXT,
                states * Math.max(DecoderWidths.widest(spec, DecoderWidths::contextWidth), widest));
        bytes.put(Part.INNER, states * inner);
        bytes.put(Part.GATE, gated ? states * inner : 0);
        bytes.put(
                Part.RESULT,
                hasOutNorm(spec)
                        ? scales * size.microBatchRows() * spec.hiddenSize() * Float.BYTES
                        : 0);
        bytes.put(Part.VECTORS, VECTORS * scales * DecoderWidths.vectorLength(spec) * Float.BYTES);
        // With low-rank directions all scales share what is stored.
        long formed = lowRank.isPresent() ? 1 : scales;
        bytes.put(Part.PANEL, formed * panel(spec, panels) * type.sizeBytes());
        if (quantizes) {
            bytes.put(Part.E4M3_INPUT, scales * size.microBatchRows() * widestInput(spec));
            bytes.put(Part.E4M3_PANEL, formed * panel(spec, panels));
            bytes.put(Part.E4M3_SCALES, Fp8Operands.scaleBytes());
        }
        long logits = logits(spec, size, panels);
        bytes.put(Part.LOGITS, scales * logits * Float.BYTES);
        long losses = (long) size.scales() * size.batchRows() * DeviceKernels.ROW_LOSS_BYTES;
        bytes.put(Part.LOSSES, losses);
        long tables = (long) size.batchRows() * INTS_PER_ROW * Integer.BYTES;
        bytes.put(Part.TABLES, tables);
        long rotary = rotary(spec, size.longest()) * Float.BYTES;
        bytes.put(Part.ROTARY, rotary);
        bytes.put(Part.WORKSPACE, workspaceBytes);
        Optional<FactorLayout> factors = lowRank.map(FactorLayout::of);
        factors.ifPresent(gathered -> putFactors(bytes, gathered));
        Map<Part, Long> offsets = new EnumMap<>(Part.class);
        long at = 0;
        for (Part part : Part.values()) {
            offsets.put(part, at);
            at += Math.ceilDiv(bytes.getOrDefault(part, 0L), ALIGNMENT) * ALIGNMENT;
        }
        long logitRow = (long) spec.vocabSize() * Float.BYTES;
        long table = factors.map(FactorLayout::tableBytes).orElse(0L);
        long staging = LongStream.of(losses, tables, rotary, logitRow, table).max().getAsLong();
        return new DeviceScratchPlan(type, panels, offsets, factors, logits, at, staging);
    }

    private static void putFactors(Map<Part, Long> bytes, FactorLayout factors) {
        LowRankSize size = factors.size();
        long rank = size.direction().rank();
        bytes.put(Part.GATHERED, factors.bytes());
        bytes.put(Part.GATHERED_TABLE, factors.tableBytes());
        bytes.put(Part.RIGHT, size.longestRight() * Float.BYTES);
        bytes.put(Part.FOLD_RIGHT, size.longestRight() * Float.BYTES);
        bytes.put(Part.SIDES, size.sides() * Float.BYTES);
        bytes.put(Part.THIN, size.products() * Float.BYTES);
        bytes.put(Part.OVERLAP, size.momentum() ? rank * rank * Float.BYTES : 0);
    }

    /** What products read: the matrices' own type where all have one, else float32. */
    private static DType type(ModelLayout layout) {
        List<DType> types =
                layout.blocks().stream()
                        .map(BlockLayout::tensors)
                        .flatMap(List::stream)
                        .filter(slot -> !slot.isVector())
                        .map(TensorSlot::dtype)
                        .distinct()
                        .toList();
        return types.size() == 1 ? types.getFirst() : DType.F32;
    }

    /** Elements of all projections that are kept at once. */
    private static long projected(DecoderSpec spec, ScratchSize size) {
        long kept = size.keptTokens() > 0 ? spec.layers().size() : 1;
        int width = DecoderWidths.widest(spec, layer -> layer.attention().rowWidth());
        return kept * size.scalesPerProbe() * size.projectedRows() * width;
    }

    private static boolean hasOutNorm(DecoderSpec spec) {
        return spec.layers().stream()
                .anyMatch(layer -> layer.attentionOutNorm() != null || layer.mlpOutNorm() != null);
    }

    /** Elements of the largest part of a matrix that is formed at once. */
    private static long panel(DecoderSpec spec, PanelSizes panels) {
        LinearSpec logits = spec.head().logits();
        long head = (long) panels.ids(logits.outputs(), logits.inputs()) * logits.inputs();
        long single =
                DecoderWidths.innerMatrices(spec)
                        .mapToLong(matrix -> formed(matrix, panels))
                        .max()
                        .orElse(1);
        long stacked =
                spec.layers().stream()
                        .map(layer -> layer.attention().projections())
                        .filter(panels::stack)
                        .mapToLong(DeviceScratchPlan::elements)
                        .max()
                        .orElse(1);
        return Math.max(head, Math.max(single, stacked));
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

    private static long widestInput(DecoderSpec spec) {
        return DecoderWidths.matrices(spec).mapToLong(LinearSpec::inputs).max().orElseThrow();
    }

    /** Elements of a tile of logits, or of one whole row where that is more. */
    private static long logits(DecoderSpec spec, ScratchSize size, PanelSizes panels) {
        long rows = Math.min(panels.logitRows(), size.microBatchRows());
        LinearSpec logits = spec.head().logits();
        long tile = rows * panels.ids(logits.outputs(), logits.inputs());
        return Math.max(tile, spec.vocabSize());
    }

    /** The rotary embeddings of all layers, each once. */
    static List<RopeSpec> ropes(DecoderSpec spec) {
        return spec.layers().stream()
                .map(layer -> layer.attention().rope())
                .filter(Objects::nonNull)
                .distinct()
                .toList();
    }

    private static long rotary(DecoderSpec spec, int positions) {
        return ropes(spec).stream()
                .mapToLong(rope -> RotaryTable.tableFloats(rope, positions))
                .sum();
    }
}
