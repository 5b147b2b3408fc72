package io.millrace.executor.cpu.gradient;

import io.millrace.executor.companion.Companions;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.cpu.program.BlockInterpreter;
import io.millrace.executor.cpu.program.ScratchPlaces;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.BlockVisit;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.GradientSteps;
import io.millrace.executor.step.MicroBatch;
import io.millrace.executor.step.MicroBatches;
import io.millrace.executor.step.QueryGroup;
import io.millrace.executor.step.Variants;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.ModelProgram;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockLease;
import io.millrace.prefetch.VisitPlan;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Steps along the gradient on the workers of a CPU, block by block: forward with what comes into
 * each layer kept, and back from the head to the lowest block with a part in the step. On its way
 * back a block is made once more for each micro-batch, its values kept, and then gone through in
 * reverse; its gradient is added up over the micro-batches, and the rule changes the block before
 * it leaves. The head is visited once, forward and back.
 */
public final class BackwardPass implements GradientSteps, AutoCloseable {
    private final ModelProgram program;
    private final ModelLayout layout;
    private final BlockFeed feed;
    private final SpanRecorder spans;
    private final Scratch scratch;
    private final WeightPasses passes;
    private final CpuWorkers workers;
    private final Companions companions;
    private final BlockInterpreter interpreter;
    private final BackwardInterpreter backward;
    private final ScoreBackward score;
    private final ElementBackward elements;
    private final AttentionBackward attention;
    private final BlockUpdate update;
    private final BackwardMemory memory;

    /**
     * Takes memory for the way back.
     *
     * @param place gives blocks, and records
     * @param plan of the memory
     * @param scratch of the forward, which is idle meanwhile
     * @param passes give weights as they are stored
     * @param companions what is trained beside the blocks
     * @param rule what becomes of blocks whose gradient is known; empty where nobody steps
     */
    public BackwardPass(
            ModelProgram program,
            ModelLayout layout,
            Engine.Place place,
            BackwardPlan plan,
            Scratch scratch,
            WeightPasses passes,
            CpuWorkers workers,
            Companions companions,
            Optional<GradientSteps.Rule> rule) {
        this.program = program;
        this.layout = layout;
        this.scratch = scratch;
        this.passes = passes;
        this.workers = workers;
        this.companions = companions;
        feed = place.feed();
        spans = place.spans();
        LinearProgram products = passes.linear(workers, scratch);
        interpreter = new BlockInterpreter(workers, scratch, products, place.rows());
        memory = new BackwardMemory(place.deviceMemory(), layout, plan);
        LinearBackward linear =
                new LinearBackward(
                        workers,
                        new GradientProducts(workers, memory.panel()),
                        memory.factors(),
                        memory.thin());
        attention =
                new AttentionBackward(
                        workers.pool(),
                        interpreter.attention(),
                        linear,
                        memory.vector(),
                        memory.partials(),
                        scratch.longest());
        elements = new ElementBackward(workers.pool());
        score = new ScoreBackward(workers, products, linear, memory.logits());
        backward =
                new BackwardInterpreter(
                        interpreter,
                        linear,
                        new NormBackward(
                                workers.pool(), linear, memory.vector(), memory.partials()),
                        attention,
                        new LookupBackward(workers.pool()),
                        score,
                        elements,
                        new BesideBackward(workers.pool(), memory.vector()),
                        new MixtureBackward(workers.pool()));
        update = new BlockUpdate(workers.pool(), rule);
    }

    @Override
    public Found run(Asked asked) {
        return new Step(asked, Optional.empty()).run();
    }

    @Override
    public Found gradients(Asked asked, EachGradient then) {
        return new Step(asked, Optional.of(then)).run();
    }

    /** One step, or the gradient alone. */
    private final class Step {
        private final Asked asked;
        private final Optional<EachGradient> shown;
        private final ForwardRequest request;
        private final List<MicroBatch> batches;
        private final int head = program.layers().size() + 1;
        private final int lowest;
        private final double scored;
        private double squares;

        Step(Asked asked, Optional<EachGradient> shown) {
            this.asked = asked;
            this.shown = shown;
            request =
                    ForwardRequest.plain(asked.batches(), asked.updates())
                            .withVirtual(scratch.virtualTokens());
            batches = request.batches().getFirst();
            scored = MicroBatches.headRowCount(batches);
            lowest = IntStream.rangeClosed(0, head).filter(this::takesPart).findFirst().orElse(head);
        }

        /** Whether a part of the model has anything that is changed. */
        private boolean takesPart(int place) {
            int block = layout.visits().get(place);
            return asked.parts().has(block) && hasTrained(block);
        }

        Found run() {
            List<VisitPlan.Entry> way = way();
            feed.begin(new VisitPlan(way));
            score.begin();
            zero(memory.carried(), scratch.carried(0).map(this::carriedFloats).orElse(0L));
            for (int at = 0; at < way.size(); at++) {
                boolean isBack = at > head;
                visit(way.get(at), at, isBack);
                if (at == head && !Double.isFinite(score.sum())) {
                    break; // nothing below has changed
                }
            }
            return new Found(score.sum() / scored, Math.sqrt(squares));
        }

        private long carriedFloats(Variants table) {
            return table.stride();
        }

        /** There, and back again to the lowest block with a part in the step. */
        private List<VisitPlan.Entry> way() {
            List<VisitPlan.Entry> there = new ArrayList<>();
            VisitPlan whole = VisitPlan.whole(layout.visits());
            for (int place = 0; place <= head; place++) {
                there.add(whole.entry(place));
            }
            for (int place = head - 1; place >= lowest; place--) {
                there.add(whole.entry(place));
            }
            return there;
        }

        private void visit(VisitPlan.Entry entry, int at, boolean isBack) {
            int place = isBack ? 2 * head - at : at;
            int block = entry.block();
            try (BlockLease lease = feed.acquire(block)) {
                requireNewest(block, lease);
                long span = spans.begin(Lane.COMPUTE, block, asked.step());
                HostVisit visit =
                        new HostVisit(
                                lease,
                                layout.block(block),
                                companions.of(block),
                                request,
                                1,
                                false);
                FormedWeights weights =
                        new FormedWeights(visit, ForwardRequest.AT_THETA, true, passes);
                if (isBack || place == head) {
                    back(place, visit, weights);
                    boolean waits = layout.isTied() && place == head && lowest == 0;
                    if (!waits && Double.isFinite(score.sum())) {
                        squares += take(block, visit, lease);
                    }
                } else {
                    there(place, weights);
                }
                spans.end(span, 0);
            }
        }

        /** A step cannot be made again: older bytes of a block are those of another run. */
        private void requireNewest(int block, BlockLease lease) {
            long held = BlockVisit.holding(lease, companions.of(block)).foldedThrough();
            long due = asked.turns().lastBefore(block);
            if (held < due) {
                throw new CorruptDataException(
                        "block "
                                + block
                                + " is there as of step "
                                + held
                                + " where step "
                                + due
                                + " has changed it: its newest bytes are damaged; go on with"
                                + " --resume, which begins from the last checkpoint");
            }
        }

        private void there(int place, FormedWeights weights) {
            int row = 0;
            for (int index = 0; index < batches.size(); index++) {
                MicroBatch batch = batches.get(index);
                Variants hidden = scratch.hidden(0, row);
                if (place > 0 && place >= lowest) {
                    elements.add(
                            hidden, input(place, row), program.hiddenSize(), batch.tokenCount(), false);
                }
                BlockFrame.Places places =
                        new ScratchPlaces(
                                place,
                                0,
                                hidden,
                                scratch.held(0, row),
                                scratch.carried(0),
                                scratch);
                interpreter.run(
                        scratch.schedule(place),
                        frame(place, weights, batch, places, index, row),
                        () -> {});
                row += MicroBatch.padded(batch.tokenCount());
            }
        }

        private void back(int place, HostVisit visit, FormedWeights weights) {
            BlockProgram block = program.blocks().get(place);
            BlockGradients gradients = memory.gradients(visit.block());
            gradients.begin(visit, workers.pool());
            int row = 0;
            for (int index = 0; index < batches.size(); index++) {
                MicroBatch batch = batches.get(index);
                int tokens = batch.tokenCount();
                Variants comes = place == head ? scratch.hidden(0, row) : input(place, row);
                Variants gradient = stream(memory.flow(), row);
                Tape tape = memory.tape();
                tape.begin(place, block, comes, gradient, place < head, carried());
                BlockFrame frame = frame(place, weights, batch, tape, index, row);
                backward.recompute(block, frame);
                if (!tape.flowsThrough() && place < head) {
                    var out = block.out().orElseThrow();
                    elements.add(gradient, tape.gradient(out, tokens), out.width(), tokens, false);
                }
                backward.back(block, new GradientFrame(frame, tape, gradients), 1 / scored);
                if (!tape.flowsThrough() && block.in().isPresent()) {
                    var in = block.in().get();
                    elements.add(tape.gradient(in, tokens), gradient, in.width(), tokens, false);
                }
                row += MicroBatch.padded(tokens);
            }
        }

        private BlockFrame frame(
                int place,
                FormedWeights weights,
                MicroBatch batch,
                BlockFrame.Places places,
                int index,
                int row) {
            QueryGroup group = new QueryGroup(0, ForwardRequest.AT_THETA);
            return new BlockFrame(
                    place,
                    weights,
                    batch,
                    places,
                    new BlockFrame.Answer(NoAnswers.SINK, group, index, 0, row));
        }

        private Optional<Tape.Carried> carried() {
            return scratch.carried(0)
                    .map(value ->
                            new Tape.Carried(
                                    value,
                                    new Variants(
                                            memory.carried(), value.stride(), value.rowStride()),
                                    scratch.carriedRows()));
        }

        /** What came into a layer. */
        private Variants input(int place, int row) {
            long each = (long) scratch.batchRows() * program.hiddenSize();
            return stream(memory.inputs().at((place - 1) * each), row);
        }

        private Variants stream(Floats place, int row) {
            int width = program.hiddenSize();
            return new Variants(place.at((long) row * width), 0, width);
        }

        /** Shows a block's gradients, or changes it by them; the sum of their squares. */
        private double take(int block, HostVisit visit, BlockLease lease) {
            BlockGradients gradients = memory.gradients(block);
            double sum = 0;
            if (asked.parts().has(block) && hasTrained(block)) {
                sum = update.squares(visit, gradients);
                if (shown.isPresent()) {
                    show(visit, gradients, shown.get());
                } else {
                    update.run(visit, gradients, asked, sum);
                    BlockVisit.holding(lease, companions.of(block)).markFolded(asked.step(), true);
                }
            }
            gradients.end();
            return sum;
        }

        private static void show(HostVisit visit, BlockGradients gradients, EachGradient then) {
            for (int index = 0; index < visit.tensorCount(); index++) {
                TensorSlot slot = visit.slot(index);
                gradients
                        .of(index)
                        .ifPresent(place -> then.accept(slot.name(), place, slot.elementCount()));
            }
        }
    }

    private boolean hasTrained(int block) {
        return layout.block(block).tensors().stream().anyMatch(TensorSlot::isTrained)
                || companions
                        .of(block)
                        .filter(one ->
                                one.layout().tensors().stream().anyMatch(TensorSlot::isTrained))
                        .isPresent();
    }

    private static void zero(Floats place, long floats) {
        Rows.zero(place.segment(), place.start(), floats);
    }

    @Override
    public void close() {
        attention.close();
        memory.close();
    }
}
