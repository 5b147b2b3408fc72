package io.millrace.executor;

import io.millrace.executor.cpu.GemmTiles;
import io.millrace.executor.cpu.Loss;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.LayerSpec;
import io.millrace.model.spec.LinearSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * All float32 memory that a forward needs beside the weights, allocated once: hidden states of the
 * whole batch for every scale, the intermediates of one micro-batch for the scales of one probe,
 * and the places where weights are formed.
 */
final class Scratch implements AutoCloseable {
    /** Matrices up to this size are formed whole and shared; larger ones a panel at a time. */
    static final long WHOLE_MATRIX_ELEMENTS = 1L << 20;

    // The largest tile that GemmTiles cuts, whatever the shape.
    private static final long TILE_LENGTH =
            (long) GemmTiles.of(1 << 20, 1 << 20).rowTile() * GemmTiles.of(1, 1 << 20).columnTile();

    private final List<HostSlab> slabs = new ArrayList<>();
    private final ScratchSize size;
    private final int hiddenWidth;
    private final int projectedWidth;
    private final Floats hidden;
    private final Floats normed;
    private final Floats projected;
    private final Floats context;
    private final Floats inner;
    private final Floats gate;
    private final Floats vectors;
    private final Floats wholeMatrix;
    private final Floats panels;
    private final Floats tiles;
    private final Floats partials;
    private final int contextWidth;
    private final int innerWidth;
    private final long vectorLength;
    private final long panelLength;

    Scratch(HostMemory memory, DecoderSpec spec, ScratchSize size, int workers) {
        this.size = size;
        hiddenWidth = spec.hiddenSize();
        projectedWidth = ScratchSize.widest(spec, layer -> layer.attention().rowWidth());
        contextWidth = ScratchSize.widest(spec, ScratchSize::contextWidth);
        innerWidth = ScratchSize.widest(spec, layer -> layer.mlp().up().outputs());
        int widest = Math.max(hiddenWidth, spec.embedding().width());
        long scales = size.scalesPerProbe();
        long rows = size.microBatchRows();
        boolean gated = spec.layers().stream().anyMatch(layer -> layer.mlp().gate() != null);
        vectorLength =
                Math.max(Math.max(projectedWidth, innerWidth), Math.max(widest, spec.vocabSize()));
        panelLength = longestPanel(spec) * scales;
        long matrix = Math.min(WHOLE_MATRIX_ELEMENTS, largestMatrix(spec));
        try {
            hidden =
                    allocate(
                            memory,
                            "hidden states",
                            (long) size.scales() * size.batchRows() * hiddenWidth);
            normed = allocate(memory, "normed states", scales * rows * widest);
            projected = allocate(memory, "queries, keys and values", projectedElements(spec));
            context =
                    allocate(
                            memory,
                            "attention results",
                            scales * rows * Math.max(contextWidth, widest));
            inner = allocate(memory, "feed-forward states", scales * rows * innerWidth);
            gate = allocate(memory, "gate states", gated ? scales * rows * innerWidth : 1);
            vectors = allocate(memory, "perturbed vectors", 3 * scales * vectorLength);
            wholeMatrix = allocate(memory, "perturbed matrices", scales * matrix);
            panels = allocate(memory, "perturbed panels", workers * panelLength);
            tiles = allocate(memory, "tiles of logits", workers * TILE_LENGTH);
            partials = allocate(memory, "partial losses", partialElements(spec));
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** What a forward may ask for. */
    ScratchSize size() {
        return size;
    }

    /** Hidden states from a row of the batch on, for a probe whose first scale has this index. */
    Variants hidden(int firstScale, int row) {
        long perScale = (long) size.batchRows() * hiddenWidth;
        return new Variants(
                hidden.at(firstScale * perScale + (long) row * hiddenWidth), perScale, hiddenWidth);
    }

    /**
     * [micro-batch tokens, width] for every scale of a probe, after a norm or before a projection.
     */
    Variants normed(int width) {
        return new Variants(normed, (long) size.microBatchRows() * width, width);
    }

    /** Rows of projections of one layer, from the row after those that are kept. */
    Variants projected(int layer, int past) {
        long rows = (long) size.microBatchRows() + size.keptTokens();
        long perScale = rows * projectedWidth;
        long perLayer = size.keptTokens() > 0 ? perScale * size.scalesPerProbe() : 0;
        return new Variants(
                projected.at(layer * perLayer + (long) past * projectedWidth),
                perScale,
                projectedWidth);
    }

    /** [micro-batch tokens, heads · head size] for every scale of a probe. */
    Variants context(int width) {
        return new Variants(context, (long) size.microBatchRows() * width, width);
    }

    /** [micro-batch tokens, inner width] for every scale of a probe. */
    Variants inner(int width) {
        return new Variants(inner, (long) size.microBatchRows() * width, width);
    }

    /** The same for the gate. */
    Variants gate(int width) {
        return new Variants(gate, (long) size.microBatchRows() * width, width);
    }

    /** Where one of three vectors of a block is formed for every scale: a bias, or a norm's two. */
    Floats vector(int which) {
        return vectors.at((long) which * size.scalesPerProbe() * vectorLength);
    }

    /** Where a matrix of up to {@link #WHOLE_MATRIX_ELEMENTS} is formed for every scale. */
    Floats wholeMatrix() {
        return wholeMatrix;
    }

    /** Where a worker forms a panel for every scale. */
    Floats panel(int worker) {
        return panels.at(worker * panelLength);
    }

    /** Where a worker makes a tile of a product that never exists whole. */
    Floats tile(int worker) {
        return tiles.at(worker * TILE_LENGTH);
    }

    /** What remains of each head row and panel of the vocabulary, for every scale of a probe. */
    Floats partials() {
        return partials;
    }

    @Override
    public void close() {
        slabs.forEach(HostSlab::close);
    }

    private long partialElements(DecoderSpec spec) {
        int panels = GemmTiles.of(1 << 20, spec.head().logits().outputs()).columnTiles();
        return size.scalesPerProbe() * Loss.partialFloats(size.microBatchRows(), panels);
    }

    private long projectedElements(DecoderSpec spec) {
        long rows = (long) size.microBatchRows() + size.keptTokens();
        long layers = size.keptTokens() > 0 ? spec.layers().size() : 1;
        return layers * size.scalesPerProbe() * rows * projectedWidth;
    }

    private Floats allocate(HostMemory memory, String purpose, long elements) {
        HostSlab slab = memory.allocate(purpose, Math.max(1, elements) * Float.BYTES);
        slabs.add(slab);
        return new Floats(slab.segment(), 0);
    }

    private static long longestPanel(DecoderSpec spec) {
        return matrices(spec)
                .mapToLong(matrix ->
                        Math.min(matrix.outputs(), GemmTiles.of(1, matrix.outputs()).columnTile())
                                * (long) matrix.inputs())
                .max()
                .orElse(1);
    }

    private static long largestMatrix(DecoderSpec spec) {
        return matrices(spec)
                .mapToLong(matrix -> (long) matrix.inputs() * matrix.outputs())
                .max()
                .orElse(1);
    }

    private static Stream<LinearSpec> matrices(DecoderSpec spec) {
        Stream<LinearSpec> ends =
                Stream.of(
                        spec.embedding().projection(),
                        spec.head().projection(),
                        spec.head().logits());
        Stream<LinearSpec> inside =
                spec.layers().stream()
                        .flatMap(layer -> Stream.concat(attention(layer), feedForward(layer)));
        return Stream.concat(ends, inside).filter(matrix -> matrix != null);
    }

    private static Stream<LinearSpec> attention(LayerSpec layer) {
        return Stream.concat(
                layer.attention().projections().stream(), Stream.of(layer.attention().output()));
    }

    private static Stream<LinearSpec> feedForward(LayerSpec layer) {
        return Stream.of(layer.mlp().gate(), layer.mlp().up(), layer.mlp().down());
    }
}
