package io.millrace.executor.cpu.gradient;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.MicroBatches;
import io.millrace.executor.companion.Companions;
import io.millrace.executor.cpu.gradient.BackwardPlan.Part;
import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.program.BlockFrame;
import io.millrace.executor.cpu.program.BlockInterpreter;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.step.BlockSet;
import io.millrace.executor.step.BlockVisit;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.ForwardRequest;
import io.millrace.executor.step.GradientSteps;
import io.millrace.executor.step.Variants;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.BlockProgram;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Value;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockLease;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanRecorder;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Steps along the gradient on the workers of a CPU, block by block: forward with what comes into
 * each layer kept, and back from the head to the lowest block with a part in the step. On its way
 * back a block is made once more for each micro-batch, its values kept, and then gone through in
 * reverse; its gradient is added up over the micro-batches, and the rule changes the block before
 * it leaves. The head is visited once, forward and back.
 *
 * <p>An expert that no row of the batch chose has no gradient, and is neither visited nor changed:
 * what its rule keeps waits, while its turns count on with those of all blocks. When it changed
 * last, the steps' turns thus do not say; the pass itself does, of the steps that it made.
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
    private final BackwardOperators operators;
    private final BlockUpdate update;
    private final BackwardMemory memory;
    private final BatchRows rows;
    private final long[] changed; // the last step of this pass that changed a block

    /**
     * What a forward over the same blocks has, which is idle meanwhile.
     *
     * @param program what blocks compute
     * @param layout the blocks
     * @param scratch memory for states
     * @param passes give weights as they are stored
     * @param workers who compute
     * @param companions what is trained beside the blocks
     */
    public record Site(
            ModelProgram program,
            ModelLayout layout,
            Scratch scratch,
            WeightPasses passes,
            CpuWorkers workers,
            Companions companions) {}

    /**
     * Takes memory for the way back.
     *
     * @param site of the forward
     * @param place gives blocks, and records
     * @param plan of the memory
     * @param rule what becomes of blocks whose gradient is known; empty where nobody steps
     */
    public BackwardPass(
            Site site, Engine.Place place, BackwardPlan plan, Optional<GradientSteps.Rule> rule) {
        program = site.program;
        layout = site.layout;
        scratch = site.scratch;
        passes = site.passes;
        workers = site.workers;
        companions = site.companions;
        feed = place.feed();
        spans = place.spans();
        LinearProgram products = passes.linear(workers, scratch);
        interpreter =
                new BlockInterpreter(workers, scratch, products, place.rows(), Optional.empty());
        memory = new BackwardMemory(place.deviceMemory(), layout, plan, place.spills());
        rows = new BatchRows(scratch, memory, program.hiddenSize());
        changed = new long[layout.blocks().size()];
        operators =
                new BackwardOperators(
                        workers,
                        products,
                        interpreter.attention(),
                        scratch.operandType(),
                        memory,
                        scratch.longest());
        backward = new BackwardInterpreter(interpreter, operators);
        update = new BlockUpdate(workers.pool(), rule, memory.of(Part.RULE));
    }

    @Override
    public Found run(Asked asked) {
        if (!update.wantsNorm()) {
            return new Step(asked, Optional.empty(), 1).run();
        }
        Found found = gradients(asked, (_, _, _) -> {});
        if (!Double.isFinite(found.norm())) {
            return found; // nothing has changed
        }
        new Step(asked, Optional.empty(), update.whole(found.norm())).run();
        return found;
    }

    @Override
    public Found gradients(Asked asked, EachGradient then) {
        return new Step(asked, Optional.of(then), 1).run();
    }

    /** One step, or the gradient alone. */
    private final class Step {
        private final Asked asked;
        private final Optional<EachGradient> shown;
        private final ForwardRequest request;
        private final List<MicroBatch> batches;
        private final int lowest;
        private final GradientWay way;
        private final double scored;
        private final double factor; // on all gradients
        private double squares;

        Step(Asked asked, Optional<EachGradient> shown, double factor) {
            this.asked = asked;
            this.shown = shown;
            this.factor = factor;
            request =
                    ForwardRequest.plain(asked.batches(), asked.updates())
                            .withVirtual(scratch.virtualTokens());
            batches = request.batches().getFirst();
            scored = MicroBatches.headRowCount(batches);
            lowest = lowest(asked.parts());
            way = new GradientWay(layout, lowest);
        }

        Found run() {
            feed.begin(way.plan());
            operators.score().begin();
            clearCarried();
            memory.inputs().begin(lowest, way.head());
            BitSet chosen = new BitSet();
            for (int at = 0; at < way.stops().size(); at++) {
                GradientWay.Stop stop = way.stops().get(at);
                if (stop.isExpert() && !chosen.get(stop.entry().expert())) {
                    continue;
                }
                if (way.plan().forks(at)) {
                    chosen.clear();
                }
                visit(stop, at, chosen);
                if (way.plan().forks(at)) {
                    feed.decide(way.chosenBlocks(at, chosen)::get);
                }
                if (stop.purpose() == GradientWay.Purpose.TURN && !isFinite()) {
                    break; // nothing below has changed
                }
            }
            return new Found(operators.score().sum() / scored, Math.sqrt(squares));
        }

        private boolean isFinite() {
            return Double.isFinite(operators.score().sum());
        }

        private void visit(GradientWay.Stop stop, int at, BitSet chosen) {
            int block = stop.block();
            try (BlockLease lease = feed.acquire(block)) {
                requireNewest(stop, lease);
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
                switch (stop.purpose()) {
                    case THERE, AGAIN -> there(stop, at, weights, chosen);
                    case TURN, BACK -> {
                        back(stop, visit, weights);
                        boolean waits =
                                layout.isTied() && stop.place() == way.head() && lowest == 0;
                        if (waits) {
                            memory.inputs().setEndsAside();
                        } else if (isFinite()) {
                            squares += take(block, visit, lease);
                        }
                        if (!stop.isExpert()) {
                            memory.inputs().used(stop.place());
                        }
                    }
                }
                spans.end(span, 0);
            }
        }

        /** A step cannot be made again: older bytes of a block are those of another run. */
        private void requireNewest(GradientWay.Stop stop, BlockLease lease) {
            int block = stop.block();
            long held = BlockVisit.holding(lease, companions.of(block)).foldedThrough();
            long due = stop.isExpert() ? changed[block] : asked.turns().lastBefore(block);
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

        private void there(GradientWay.Stop stop, int at, FormedWeights weights, BitSet chosen) {
            int place = stop.place();
            Schedule schedule = scratch.schedule(place);
            boolean again = stop.purpose() == GradientWay.Purpose.AGAIN;
            LayerInputs inputs = memory.inputs();
            if (again) {
                inputs.need(place);
            } else if (!stop.isExpert()) {
                inputs.make(place);
            }
            int row = 0;
            for (int index = 0; index < batches.size(); index++) {
                MicroBatch batch = batches.get(index);
                BlockFrame frame = rows.there(place, weights, batch, index, row);
                if (stop.isExpert()) {
                    interpreter.runExpert(
                            schedule.experts().orElseThrow(), stop.entry().expert(), frame);
                } else {
                    keepInput(place, row, batch.tokenCount(), again);
                    interpreter.run(
                            schedule,
                            frame,
                            () -> {
                                interpreter.addChosen(
                                        schedule.experts().orElseThrow(), frame, chosen);
                                feed.foresee(way.chosenBlocks(at, chosen)::get);
                            });
                }
                if (again) {
                    clearHeld(schedule.experts().orElseThrow(), place, row, batch.tokenCount());
                }
                row += MicroBatch.padded(batch.tokenCount());
            }
            if (!again && !stop.isExpert()) {
                inputs.made(place);
            }
        }

        /** Stores what comes into a layer for the way back, or takes it from there. */
        private void keepInput(int place, int row, int tokens, boolean again) {
            if (place > 0 && place >= lowest) {
                Variants stream = rows.hidden(row);
                Variants kept = rows.input(place, row);
                int width = program.hiddenSize();
                operators
                        .elements()
                        .add(again ? kept : stream, again ? stream : kept, width, tokens, false);
            }
        }

        private void clearHeld(MixtureOp.Experts experts, int place, int row, int tokens) {
            for (Value value : List.of(experts.in(), experts.routes())) {
                Variants gradient = rows.heldGradient(place, value, row);
                operators.elements().zero(gradient, value.width(), tokens);
            }
        }

        private void back(GradientWay.Stop stop, HostVisit visit, FormedWeights weights) {
            int place = stop.place();
            BlockProgram block = program.blocks().get(place);
            BlockGradients gradients = memory.gradients(visit.block());
            boolean known = place < way.head();
            if (known && !stop.isExpert()) {
                memory.inputs().need(place);
                if (place == 0 && layout.isTied()) {
                    memory.inputs().bringEndsBack();
                }
            }
            gradients.begin(visit, workers.pool(), asked.parts().has(visit.block()));
            int row = 0;
            for (int index = 0; index < batches.size(); index++) {
                MicroBatch batch = batches.get(index);
                Variants comes = known ? rows.input(place, row) : rows.hidden(row);
                Tape tape = memory.tape();
                tape.begin(place, block, comes, rows.flow(row), known, rows.carried());
                GradientFrame frame =
                        new GradientFrame(
                                BatchRows.frame(place, weights, batch, tape, index, row),
                                tape,
                                gradients);
                if (stop.isExpert()) {
                    MixtureOp.Experts op = block.experts().orElseThrow();
                    operators
                            .expert()
                            .run(op, stop.entry().expert(), frame, rows.held(place, op, row));
                } else {
                    back(place, block, frame, row);
                }
                if (place == 0) {
                    clearCarried(); // one table for all micro-batches: the first has gone through
                    // it
                }
                row += MicroBatch.padded(batch.tokenCount());
            }
        }

        private void back(int place, BlockProgram block, GradientFrame frame, int row) {
            Tape tape = frame.tape();
            Variants flow = rows.flow(row);
            backward.recompute(block, frame.frame());
            if (!tape.flowsThrough() && place < way.head()) {
                Value out = block.out().orElseThrow();
                operators
                        .elements()
                        .add(flow, frame.gradient(out), out.width(), frame.rows(out), false);
            }
            block.experts().stream()
                    .flatMap(experts -> Stream.of(experts.in(), experts.routes()))
                    .forEach(value -> {
                        Variants given = rows.heldGradient(place, value, row);
                        boolean adds = tape.begin(value);
                        Variants to = frame.gradient(value);
                        operators.elements().add(given, to, value.width(), frame.rows(value), adds);
                    });
            backward.back(block, frame, 1 / scored);
            if (!tape.flowsThrough() && block.in().isPresent()) {
                Value in = block.in().get();
                operators
                        .elements()
                        .add(frame.gradient(in), flow, in.width(), frame.rows(in), false);
            }
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
                    update.run(visit, gradients, asked, sum, factor);
                    BlockVisit.holding(lease, companions.of(block)).markFolded(asked.step(), true);
                    changed[block] = asked.step();
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

    /** The lowest place in the program with anything that a step changes. */
    private int lowest(BlockSet parts) {
        List<List<Integer>> places = layout.parts();
        return IntStream.range(0, places.size())
                .filter(place ->
                        places.get(place).stream()
                                .anyMatch(block -> parts.has(block) && hasTrained(block)))
                .findFirst()
                .orElse(places.size() - 1);
    }

    private boolean hasTrained(int block) {
        return layout.block(block).tensors().stream().anyMatch(TensorSlot::isTrained)
                || companions
                        .of(block)
                        .filter(one ->
                                one.layout().tensors().stream().anyMatch(TensorSlot::isTrained))
                        .isPresent();
    }

    private void clearCarried() {
        Floats place = memory.of(Part.CARRIED);
        long floats = scratch.carried(0).map(Variants::stride).orElse(0L);
        Rows.zero(place.segment(), place.start(), floats);
    }

    @Override
    public void close() {
        operators.close();
        memory.close();
    }
}
