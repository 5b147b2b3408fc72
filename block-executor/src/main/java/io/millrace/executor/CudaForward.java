package io.millrace.executor;

import io.millrace.executor.cuda.CudaKernels;
import io.millrace.executor.cuda.DeviceMatrix;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockLease;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * Forward passes on a CUDA device in block-major order. The host hands launches to the compute
 * stream and runs ahead of it; a block is given back to the feed by an event on that stream. Only
 * the losses at the end of a step are waited for.
 */
final class CudaForward implements Forward {
    private final DecoderSpec spec;
    private final ModelLayout layout;
    private final BlockFeed feed;
    private final CudaDevice device;
    private final Arithmetic arithmetic;
    private final Parts parts;
    private final CudaLayers layers;
    private final CudaEnds ends;

    /**
     * What a forward owns, in the order in which it is to be closed.
     *
     * @param answers brings losses back
     * @param spans times visits
     * @param batch tables of a step
     * @param kernels launches
     * @param passes what probes see of the weights
     * @param scratch the memory
     * @param saving pinned memory for a block that is saved; empty where none is
     * @param owned what else is closed, last first
     */
    record Parts(
            CudaAnswers answers,
            CudaSpans spans,
            CudaBatch batch,
            CudaKernels kernels,
            CudaPasses passes,
            CudaScratch scratch,
            Optional<HostSlab> saving,
            OwnedResources owned) {}

    CudaForward(
            DecoderSpec spec,
            ModelLayout layout,
            BlockFeed feed,
            CudaDevice device,
            Arithmetic arithmetic,
            Parts parts) {
        this.spec = spec;
        this.layout = layout;
        this.feed = feed;
        this.device = device;
        this.arithmetic = arithmetic;
        this.parts = parts;
        CudaLinear linear = parts.passes().linear();
        layers = new CudaLayers(parts.kernels(), parts.scratch(), linear, spec.layers());
        ends = new CudaEnds(parts.kernels(), parts.scratch(), linear, layers);
    }

    @Override
    public void run(ForwardRequest request, HeadSink sink) {
        device.makeCurrent();
        List<CudaBatch.Tables> batches = parts.batch().upload(request.microBatches());
        List<Integer> visits = layout.visits();
        for (int index = 0; index < visits.size(); index++) {
            int block = visits.get(index);
            boolean lastOfStep = visits.lastIndexOf(block) == index;
            try (BlockLease lease = feed.acquire(block)) {
                try {
                    parts.spans().begin(index);
                    foldOverdue(lease, block, request);
                    CudaVisit visit = visit(lease, block, request, lastOfStep);
                    parts.passes().begin(visit);
                    for (int probe = 0; probe < request.probes().size(); probe++) {
                        runBlock(request, visit, index, probe, batches, sink);
                    }
                    visit.finish(parts.passes());
                    parts.spans().end(index);
                } finally {
                    lease.releaseAfter(device.compute());
                }
            }
        }
        if (sink.wantsLogits()) {
            parts.answers().awaitStep();
        } else {
            parts.answers().losses(request, batches, sink);
        }
        parts.spans().report(request.step());
    }

    /** What {@link DecoderForward} does for blocks that lag behind. */
    private void foldOverdue(BlockLease lease, int block, ForwardRequest request) {
        if (BlockVisit.isOverdue(lease, request, arithmetic.foldEvery())) {
            visit(lease, block, request.foldingOverdue(), true).finish(parts.passes());
        }
    }

    private CudaVisit visit(
            BlockLease lease, int block, ForwardRequest request, boolean lastOfStep) {
        parts.passes().prepare(lease, layout.block(block), request.updates());
        return new CudaVisit(
                lease, layout.block(block), request, arithmetic.foldEvery(), lastOfStep);
    }

    private void runBlock(
            ForwardRequest request,
            CudaVisit visit,
            int visitIndex,
            int probe,
            List<CudaBatch.Tables> batches,
            HeadSink sink) {
        int lastVisit = layout.visits().size() - 1;
        CudaWeights weights =
                new CudaWeights(
                        visit, request.probes().get(probe), parts.passes(), parts.scratch());
        int firstScale = request.firstScale(probe);
        for (int index = 0; index < batches.size(); index++) {
            CudaBatch.Tables batch = batches.get(index);
            DeviceMatrix hidden = parts.scratch().hidden(firstScale, batch.firstRow());
            if (visitIndex == 0) {
                ends.embed(weights, spec.embedding(), batch, hidden);
            } else if (visitIndex < lastVisit) {
                layers.run(weights, visitIndex - 1, hidden, batch);
            } else if (batch.headRows() > 0) {
                head(weights, batch, hidden, firstScale, probe, index, sink);
            }
        }
    }

    private void head(
            CudaWeights weights,
            CudaBatch.Tables batch,
            DeviceMatrix hidden,
            int firstScale,
            int probe,
            int microBatch,
            HeadSink sink) {
        if (sink.wantsLogits()) {
            Variants to = sink.logits(probe, microBatch);
            ends.logits(
                    weights,
                    spec.head(),
                    batch,
                    hidden,
                    (first, rows, address) ->
                            parts.answers().logits(address, rows, spec.vocabSize(), to, first));
        } else {
            long losses = parts.scratch().losses(firstScale, batch.firstHeadRow());
            ends.losses(weights, spec.head(), batch, hidden, losses);
        }
    }

    @Override
    public void fold(UpdateLog updates, ForwardRequest.Folding folding, BlockConsumer then) {
        foldEach(updates, folding, (block, lease) -> then.accept(block, fetch(block, lease)));
    }

    /** Takes a block once it is folded. */
    private interface FoldedBlock {
        void accept(int block, BlockLease lease);
    }

    private void foldEach(UpdateLog updates, ForwardRequest.Folding folding, FoldedBlock then) {
        device.makeCurrent();
        ForwardRequest request = ForwardRequest.fold(updates, folding);
        List<Integer> visits = layout.visits();
        for (int index = 0; index < visits.size(); index++) {
            int block = visits.get(index);
            boolean lastOfStep = visits.lastIndexOf(block) == index;
            try (BlockLease lease = feed.acquire(block)) {
                try {
                    visit(lease, block, request, lastOfStep).finish(parts.passes());
                    if (lastOfStep) {
                        then.accept(block, lease);
                    }
                } finally {
                    lease.releaseAfter(device.compute());
                }
            }
        }
    }

    private MemorySegment fetch(int block, BlockLease lease) {
        HostSlab slab =
                parts.saving()
                        .orElseThrow(() -> new IllegalStateException("nothing is to be saved"));
        MemorySegment bytes = slab.segment().asSlice(0, layout.block(block).sizeBytes());
        parts.answers().fetch(lease.address(), bytes);
        return bytes;
    }

    @Override
    public void close() {
        try {
            device.compute().synchronize();
        } finally {
            parts.owned().close();
        }
    }
}
