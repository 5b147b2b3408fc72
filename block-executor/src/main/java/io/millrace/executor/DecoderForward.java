package io.millrace.executor;

import io.millrace.memory.BlockLayout;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.optim.Probe;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockLease;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import java.util.List;

/**
 * Forward passes in block-major order: while a block is on the device, every probe, all its scales
 * and every micro-batch go through it; a block is asked for once a step (a tied one twice: as
 * embedding and as head).
 */
final class DecoderForward {
    private final DecoderSpec spec;
    private final ModelLayout layout;
    private final BlockFeed feed;
    private final Scratch scratch;
    private final WeightPasses passes;
    private final SpanRecorder spans;
    private final EmbeddingProgram embedding;
    private final LayerProgram layers;
    private final HeadProgram head;

    DecoderForward(
            DecoderSpec spec,
            ModelLayout layout,
            BlockFeed feed,
            Scratch scratch,
            WeightPasses passes,
            SpanRecorder spans) {
        this.spec = spec;
        this.layout = layout;
        this.feed = feed;
        this.scratch = scratch;
        this.passes = passes;
        this.spans = spans;
        Linear linear = new Linear(passes.pool(), scratch);
        embedding = new EmbeddingProgram(passes.pool(), scratch, linear);
        layers = new LayerProgram(passes.pool(), scratch, linear);
        head = new HeadProgram(passes.pool(), scratch, linear);
    }

    /**
     * Asks every probe for its losses or logits.
     *
     * @param request what to ask, and how pending updates are seen
     * @param sink where the answers go
     */
    void run(ForwardRequest request, HeadSink sink) {
        int visits = layout.visits().length;
        for (int visit = 0; visit < visits; visit++) {
            int block = layout.visits()[visit];
            try (BlockLease lease = feed.acquire(block)) {
                long span = spans.begin(Lane.COMPUTE, block, request.step());
                BlockLayout blockLayout = layout.block(block);
                Visit place =
                        new Visit(lease, blockLayout, request, passes, layout.isLastVisit(visit));
                for (int probe = 0; probe < request.probes().size(); probe++) {
                    visitBlock(request, place, visit, probe, sink);
                }
                place.finish();
                spans.end(span, 0);
            }
        }
    }

    /**
     * Rounds every pending update through a step into the stored weights.
     *
     * @param updates the run's updates
     * @param throughStep the last step to round in
     */
    void flush(UpdateLog updates, long throughStep) {
        ForwardRequest request = ForwardRequest.flush(updates, throughStep);
        for (BlockLayout block : layout.blocks()) {
            try (BlockLease lease = feed.acquire(block.index())) {
                long span = spans.begin(Lane.COMPUTE, block.index(), throughStep);
                new Visit(lease, block, request, passes, true).finish();
                spans.end(span, 0);
            }
        }
    }

    private void visitBlock(
            ForwardRequest request, Visit place, int visit, int probeIndex, HeadSink sink) {
        Probe probe = request.probes().get(probeIndex);
        List<MicroBatch> microBatches = request.microBatches();
        int row = 0;
        for (int index = 0; index < microBatches.size(); index++) {
            MicroBatch batch = microBatches.get(index);
            FormedWeights weights = new FormedWeights(place, probe, passes);
            Variants hidden = scratch.hidden(request.firstScale(probeIndex), row);
            if (visit == 0) {
                embedding.run(weights, spec.embedding(), batch, hidden);
            } else if (visit == layout.visits().length - 1) {
                head.run(weights, spec, batch, hidden, probeIndex, index, sink);
            } else {
                Variants projected = scratch.projected(visit - 1, batch.sequences().past());
                layers.run(
                        weights, spec.layers().get(visit - 1), hidden, batch.sequences(), projected);
            }
            row += batch.tokenCount();
        }
    }
}
