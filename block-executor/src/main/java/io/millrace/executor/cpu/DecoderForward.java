package io.millrace.executor.cpu;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.companion.Companion;
import io.millrace.executor.companion.Companions;
import io.millrace.executor.cpu.dense.Turning;
import io.millrace.executor.cpu.gradient.BackwardPass;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.cpu.program.BlockInterpreter;
import io.millrace.executor.cpu.program.ScratchPlaces;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.KeptRows;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.step.BlockVisit;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Forward;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.GradientSteps;
import io.millrace.executor.step.HeadSink;
import io.millrace.executor.step.UpdateLog;
import io.millrace.executor.step.Variants;
import io.millrace.executor.step.VisitLoop;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.nvme.RowSource;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.MixtureOp;
import io.millrace.optim.estimate.Query;
import io.millrace.prefetch.BlockLease;
import io.millrace.prefetch.VisitPlan;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Forward passes in block-major order: while a block is on the device, every query, all its scales
 * and every micro-batch go through it, several queries together where products allow it, or the
 * first scale alone while no block had a part in the step; a block is asked for once a step (one
 * with rows of a tied table twice: as embedding and as head).
 */
public final class DecoderForward implements Forward {
    private final ModelLayout layout;
    private final VisitLoop<HostVisit> loop;
    private final Scratch scratch;
    private final WeightPasses passes;
    private final CpuWorkers workers;
    private final Companions companions;
    private final Optional<BackwardPass> backward;
    private final OwnedResources owned;
    private final SpanRecorder spans;
    private final BlockInterpreter interpreter;

    /**
     * Forwards with what was taken for them.
     *
     * @param place gives blocks and rows, and records
     * @param backward steps along the gradient, where they were planned
     * @param owned all that closing gives back: workers, passes and scratch memory, and behind
     *     these rows that are kept of a table
     */
    DecoderForward(
            ModelLayout layout,
            Engine.Place place,
            Scratch scratch,
            WeightPasses passes,
            CpuWorkers workers,
            Companions companions,
            Optional<BackwardPass> backward,
            OwnedResources owned) {
        this.layout = layout;
        this.scratch = scratch;
        this.passes = passes;
        this.workers = workers;
        this.companions = companions;
        this.backward = backward;
        this.owned = owned;
        spans = place.spans();
        Visits visits = new Visits();
        loop = new VisitLoop<>(layout, place.feed(), passes.foldEvery(), visits);
        LinearProgram linear = passes.linear(workers, scratch);
        Optional<KeptRows> kept = KeptRows.open(place.deviceMemory(), layout);
        kept.ifPresent(owned::own);
        interpreter =
                new BlockInterpreter(
                        workers, scratch, linear, place.rows().map(visits::waiting), kept);
    }

    @Override
    public void run(ForwardRequest request, HeadSink sink) {
        loop.run(List.of(begin(request, sink)));
    }

    @Override
    public Grain grain() {
        // Of a mixture's experts, the scale with the most rows decides how many all have.
        return new Grain(passes.scalesAtOnce(), layout.experts().stream().allMatch(List::isEmpty));
    }

    @Override
    public Grain triedGrain() {
        Grain grain = grain();
        boolean apart =
                grain.scalesAtOnce() > 0
                        && grain.scalesApart()
                        && RowsApart.hold(scratch, scratch.rowsAtOnce(), turns());
        return apart ? new Grain(0, true) : grain;
    }

    private boolean turns() {
        return layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .anyMatch(slot -> Turning.turns(slot.format()));
    }

    @Override
    public GradientSteps gradients() {
        return backward.map(GradientSteps.class::cast).orElseGet(Forward.super::gradients);
    }

    /** One pass over the blocks for what several forwards have begun. */
    void run(List<VisitLoop.Course> courses) {
        loop.run(courses);
    }

    /** One pass over the blocks for what several forwards have begun to say. */
    void run(List<VisitLoop.Course> courses, Runnable together) {
        loop.run(courses, together);
    }

    /** What a request does in a pass, its own or one with others. */
    VisitLoop.Course begin(ForwardRequest request, HeadSink sink) {
        return begin(request, sink, this::run);
    }

    /** This forward's part of what is computed for several in step. */
    InStep.Member member(VisitPlan.Entry entry, BlockFrame frame) {
        Schedule schedule = scratch.schedule(frame.block()).of(entry.part());
        return new InStep.Member(interpreter, schedule, frame);
    }

    /** Takes a micro-batch of a group of queries through a block, or says that it is to go. */
    @FunctionalInterface
    interface Computer {
        /**
         * Computes.
         *
         * @param entry what of the model the block is
         * @param frame the micro-batch in the block
         * @param chosen gets the experts that are needed next, of a layer that has some
         */
        void compute(VisitPlan.Entry entry, BlockFrame frame, BitSet chosen);
    }

    /**
     * The same where what there is to compute is only said.
     *
     * @param computer takes each micro-batch of each group of queries, in order
     */
    VisitLoop.Course begin(ForwardRequest request, HeadSink sink, Computer computer) {
        return loop.begin(
                request.withVirtual(scratch.virtualTokens()),
                (visit, entry, asked) -> {
                    // Queries that see sequences of their own go one by one.
                    int atOnce = asked.batches().size() == 1 ? passes.scalesAtOnce() : 0;
                    BitSet chosen = new BitSet();
                    for (QueryGroup group : QueryGroup.cut(asked.queries(), atOnce)) {
                        eachMicroBatch(asked, visit, entry, group, sink, computer, chosen);
                    }
                    return chosen;
                });
    }

    @Override
    public void fold(UpdateLog updates, ForwardRequest.Folding folding, BlockConsumer then) {
        ForwardRequest request = ForwardRequest.fold(updates, folding);
        if (companions.isEmpty()) {
            loop.fold(request, (block, lease) -> then.accept(block, lease.weights()));
        }
        // The blocks that they are beside have nothing to fold, and need not come.
        for (Companion companion : companions.all()) {
            BlockLayout own = companion.layout();
            new HostVisit(companion, own, request, passes.foldEvery(), true).finish(passes);
            then.accept(own.index(), companion.weights());
        }
    }

    @Override
    public Map<String, Double> operatorSeconds() {
        return workers.pool().clock().seconds();
    }

    @Override
    public void close() {
        owned.close();
    }

    private final class Visits implements VisitLoop.Visits<HostVisit> {
        private long span = SpanRecorder.DROPPED;
        private int block;

        /** Rows that are read while nothing computes. */
        RowSource waiting(RowSource rows) {
            return new RowSource() {
                @Override
                public void read(long step, int[] wanted, Taker taker) {
                    if (wanted.length == 0) {
                        return;
                    }
                    boolean computing = span != SpanRecorder.DROPPED;
                    spans.end(span, 0);
                    rows.read(step, wanted, taker);
                    span =
                            computing
                                    ? spans.begin(Lane.COMPUTE, block, step)
                                    : SpanRecorder.DROPPED;
                }

                @Override
                public long foldedThrough() {
                    return rows.foldedThrough();
                }
            };
        }

        @Override
        public HostVisit open(
                BlockLease lease, int block, ForwardRequest request, boolean lastOfStep) {
            return new HostVisit(
                    lease,
                    layout.block(block),
                    companions.of(block),
                    request,
                    passes.foldEvery(),
                    lastOfStep);
        }

        @Override
        public BlockLease holding(BlockLease lease, int block) {
            return BlockVisit.holding(lease, companions.of(block));
        }

        @Override
        public void finish(HostVisit visit) {
            visit.finish(passes);
        }

        @Override
        public void spread(ForwardRequest request) {
            int rows = MicroBatches.paddedRowCount(request.batches().getFirst());
            spread(scratch.hidden(0, 0), request, rows);
            scratch.held(0, 0).ifPresent(held -> spread(held, request, rows));
            scratch.carried(0).ifPresent(of -> spread(of, request, scratch.carriedRows()));
        }

        private void spread(Variants first, ForwardRequest request, int rows) {
            RowTasks.run(
                    workers.pool(),
                    Operator.EMBEDDING,
                    request.scales() - 1,
                    rows,
                    first.rowStride(),
                    (scale, from, to, worker) -> {
                        Floats in = first.of(0).at(from * first.rowStride());
                        Floats out = first.of(scale + 1).at(from * first.rowStride());
                        long count = (to - from) * first.rowStride();
                        Rows.copy(in.segment(), in.start(), out.segment(), out.start(), count);
                    });
        }

        @Override
        public void began(int place, int block, long step) {
            this.block = block;
            span = spans.begin(Lane.COMPUTE, block, step);
        }

        @Override
        public void ended(int place) {
            spans.end(span, 0);
            span = SpanRecorder.DROPPED;
        }
    }

    private void eachMicroBatch(
            ForwardRequest request,
            HostVisit visit,
            VisitPlan.Entry entry,
            QueryGroup group,
            HeadSink sink,
            Computer computer,
            BitSet chosen) {
        int block = Schedule.place(entry, scratch.blocks());
        // Where queries share a product, a loss at θ goes the way of those that it is compared
        // with.
        boolean still =
                passes.scalesAtOnce() == 0
                        ? group.queries().stream().allMatch(Query::isStill)
                        : request.isStill();
        FormedWeights weights = new FormedWeights(visit, group.queries(), still, passes);
        int row = 0;
        List<MicroBatch> batches = ForwardRequest.ofQuery(request.batches(), group.first());
        for (int index = 0; index < batches.size(); index++) {
            MicroBatch batch = batches.get(index);
            int scale = request.firstScale(group.first());
            BlockFrame frame =
                    new BlockFrame(
                            block,
                            weights,
                            batch,
                            new ScratchPlaces(
                                    block,
                                    batch.sequences().past(),
                                    scratch.hidden(scale, row),
                                    scratch.held(scale, row),
                                    scratch.carried(scale),
                                    scratch),
                            new BlockFrame.Answer(sink, group, index, scale, row));
            computer.compute(entry, frame, chosen);
            row += MicroBatch.padded(batch.tokenCount());
        }
    }

    private void run(VisitPlan.Entry entry, BlockFrame frame, BitSet chosen) {
        Schedule schedule = scratch.schedule(frame.block()).of(entry.part());
        Optional<MixtureOp.Experts> experts = schedule.experts();
        if (entry.part() == VisitPlan.Part.EXPERT) {
            interpreter.runExpert(experts.orElseThrow(), entry.expert(), frame);
        } else {
            interpreter.run(
                    schedule,
                    frame,
                    () -> {
                        interpreter.addChosen(experts.orElseThrow(), frame, chosen);
                        loop.foresee(chosen);
                    });
        }
    }
}
