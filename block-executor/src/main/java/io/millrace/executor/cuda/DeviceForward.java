package io.millrace.executor.cuda;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.companion.Companion;
import io.millrace.executor.companion.Companions;
import io.millrace.executor.cuda.kernel.AttentionKernels;
import io.millrace.executor.cuda.kernel.BesideKernels;
import io.millrace.executor.cuda.kernel.DeviceKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.weight.DevicePasses;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceVisit;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.BlockVisit;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.UpdateLog;
import io.millrace.executor.step.Variants;
import io.millrace.executor.step.VisitLoop;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.ModelLayout;
import io.millrace.optim.estimate.Query;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockLease;
import io.millrace.prefetch.VisitPlan;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * Forward passes on a CUDA device in block-major order. The host hands launches to the compute
 * stream and runs ahead of it; a block is given back to the feed by an event on that stream. Only
 * the losses at the end of a step are waited for.
 */
final class DeviceForward implements Forward {
    private final ModelLayout layout;
    private final VisitLoop<DeviceVisit> loop;
    private final CudaDevice device;
    private final Arithmetic arithmetic;
    private final Parts parts;
    private final BlockLauncher launcher;

    /**
     * Launches.
     *
     * @param kernels of a model's own operators
     * @param attention of its attention
     * @param beside of what is trained beside blocks
     * @param thin products with thin factors
     */
    record Launches(
            DeviceKernels kernels,
            AttentionKernels attention,
            BesideKernels beside,
            LowRankKernels thin) {}

    /**
     * What is trained apart, and saved.
     *
     * @param companions beside blocks
     * @param saving pinned memory for a block that is saved; empty where none is
     */
    record Kept(Companions companions, Optional<HostSlab> saving) {}

    /**
     * What a forward owns, in the order in which it is to be closed.
     *
     * @param answers brings losses back
     * @param spans times visits
     * @param batch tables of a step
     * @param launches of operators
     * @param passes what queries see of the weights
     * @param scratch the memory
     * @param kept what is trained beside blocks, and what is saved passes through
     * @param owned what else is closed, last first
     */
    record Parts(
            AnswerDownload answers,
            EventSpans spans,
            BatchUpload batch,
            Launches launches,
            DevicePasses passes,
            DeviceScratch scratch,
            Kept kept,
            OwnedResources owned) {}

    DeviceForward(
            ModelLayout layout,
            BlockFeed feed,
            CudaDevice device,
            Arithmetic arithmetic,
            Parts parts) {
        this.layout = layout;
        this.device = device;
        this.arithmetic = arithmetic;
        this.parts = parts;
        loop = new VisitLoop<>(layout, feed, arithmetic.foldEvery(), new Visits());
        launcher = new BlockLauncher(parts.launches(), parts.scratch(), parts.passes().linear());
    }

    @Override
    public void run(ForwardRequest asking, HeadSink sink) {
        device.makeCurrent();
        Begun begun = begin(asking, sink);
        run(List.of(begun.course()));
        answer(begun);
        report(asking.step());
    }

    /**
     * A request whose tables are on their way.
     *
     * @param request what is asked, virtual tokens included
     * @param batches the tables
     * @param sink where answers go
     * @param course what it does in a pass, its own or one with others
     */
    record Begun(
            ForwardRequest request,
            List<List<BatchUpload.Tables>> batches,
            HeadSink sink,
            VisitLoop.Course course) {}

    Begun begin(ForwardRequest asking, HeadSink sink) {
        ForwardRequest request = asking.withVirtual(parts.scratch().virtualTokens());
        List<List<BatchUpload.Tables>> batches = parts.batch().upload(request.batches());
        VisitLoop.Course course =
                loop.begin(
                        request,
                        (visit, entry, asked) -> {
                            parts.passes().begin(visit);
                            int atOnce = atOnce(asked, sink);
                            for (QueryGroup group : QueryGroup.cut(asked.queries(), atOnce)) {
                                List<BatchUpload.Tables> seen =
                                        ForwardRequest.ofQuery(batches, group.first());
                                runBlock(asked, visit, entry, group, seen, sink);
                            }
                            return VisitLoop.NO_EXPERTS; // no card has a model with any
                        });
        return new Begun(request, batches, sink, course);
    }

    /** One pass over the blocks for what several forwards have begun. */
    void run(List<VisitLoop.Course> courses) {
        loop.run(courses);
    }

    /** Waits for what was begun, once a pass was taken for it, and brings the answers. */
    void answer(Begun begun) {
        if (begun.sink().wantsLogits() || begun.sink().wantsChoices()) {
            parts.answers().awaitStep();
        } else {
            parts.answers().losses(begun.request(), begun.batches(), begun.sink());
        }
    }

    /** Records when the stream was at work in the last pass, once it is through with that. */
    void report(long step) {
        parts.spans().report(step);
    }

    /** Queries that see sequences of their own go one by one, and so do those for whole logits. */
    private int atOnce(ForwardRequest asked, HeadSink sink) {
        boolean alone = asked.batches().size() > 1 || sink.wantsLogits() || sink.wantsChoices();
        return alone ? 0 : parts.passes().scalesAtOnce();
    }

    private final class Visits implements VisitLoop.Visits<DeviceVisit> {
        @Override
        public DeviceVisit open(
                BlockLease lease, int block, ForwardRequest request, boolean lastOfStep) {
            Optional<Companion> beside = parts.kept().companions().of(block);
            BlockLayout trained = beside.map(Companion::layout).orElse(layout.block(block));
            parts.passes().prepare(holding(lease, block), trained, request.updates());
            return new DeviceVisit(
                    lease,
                    layout.block(block),
                    beside,
                    request,
                    arithmetic.foldEvery(),
                    lastOfStep);
        }

        @Override
        public BlockLease holding(BlockLease lease, int block) {
            return BlockVisit.holding(lease, parts.kept().companions().of(block));
        }

        @Override
        public void finish(DeviceVisit visit) {
            visit.finish(parts.passes());
        }

        @Override
        public void release(BlockLease lease) {
            lease.releaseAfter(device.compute());
        }

        @Override
        public void spread(ForwardRequest request) {
            DeviceMatrix first = parts.scratch().hidden(0, 0);
            int width = Math.toIntExact(first.rowStride());
            int rows = request.batches().getFirst().stream().mapToInt(MicroBatch::tokenCount).sum();
            DeviceMatrix same = new DeviceMatrix(first.address(), 0, width, first.type());
            int others = request.scales() - 1;
            parts.launches()
                    .kernels()
                    .pick(same, 0, parts.scratch().hidden(1, 0), rows, width, others);
        }

        @Override
        public void began(int place, int block, long step) {
            parts.spans().begin(place, block);
        }

        @Override
        public void ended(int place) {
            parts.spans().end(place);
        }
    }

    private void runBlock(
            ForwardRequest request,
            DeviceVisit visit,
            VisitPlan.Entry entry,
            QueryGroup group,
            List<BatchUpload.Tables> batches,
            HeadSink sink) {
        DeviceScratch scratch = parts.scratch();
        int block = Schedule.place(entry, scratch.plan().program().blocks().size());
        // Where queries share a product, a loss at θ goes the way of those that it is compared
        // with.
        boolean still =
                parts.passes().scalesAtOnce() == 0
                        ? group.queries().stream().allMatch(Query::isStill)
                        : request.isStill();
        DeviceWeights weights =
                new DeviceWeights(visit, group.queries(), still, parts.passes(), scratch);
        int firstScale = request.firstScale(group.first());
        for (int index = 0; index < batches.size(); index++) {
            BatchUpload.Tables batch = batches.get(index);
            launcher.run(
                    new LaunchFrame(
                            block,
                            weights,
                            batch,
                            scratch.hidden(firstScale, batch.firstRow()),
                            scratch,
                            scratch.losses(firstScale, batch.firstHeadRow()),
                            logits(sink, group.first(), index)));
        }
    }

    private Optional<ScoreKernels.LogitRows> logits(HeadSink sink, int query, int microBatch) {
        if (sink.wantsChoices()) {
            return Optional.of((first, rows, width, address) ->
                    parts.answers().choices(address, rows, width, sink, query, microBatch));
        }
        if (!sink.wantsLogits()) {
            return Optional.empty();
        }
        Variants to = sink.logits(query, microBatch);
        return Optional.of((first, rows, width, address) ->
                parts.answers().logits(address, rows, width, to, first));
    }

    @Override
    public Grain grain() {
        return new Grain(parts.passes().scalesAtOnce(), false);
    }

    @Override
    public void fold(UpdateLog updates, ForwardRequest.Folding folding, BlockConsumer then) {
        device.makeCurrent();
        ForwardRequest request = ForwardRequest.fold(updates, folding);
        if (parts.kept().companions().isEmpty()) {
            loop.fold(
                    request,
                    (block, lease) -> then.accept(block, fetch(layout.block(block), lease)));
        }
        // The blocks that they are beside have nothing to fold, and need not come.
        for (Companion companion : parts.kept().companions().all()) {
            BlockLayout own = companion.layout();
            parts.passes().prepare(companion, own, updates);
            int foldEvery = arithmetic.foldEvery();
            new DeviceVisit(companion, own, Optional.empty(), request, foldEvery, true)
                    .finish(parts.passes());
            then.accept(own.index(), fetch(own, companion));
        }
    }

    private MemorySegment fetch(BlockLayout block, BlockLease lease) {
        HostSlab slab =
                parts.kept()
                        .saving()
                        .orElseThrow(() -> new IllegalStateException("nothing is to be saved"));
        MemorySegment bytes = slab.segment().asSlice(0, block.sizeBytes());
        if (block.sizeBytes() > 0) {
            parts.answers().fetch(lease.address(), bytes);
        }
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
