package io.millrace.executor.plan;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.cpu.scratch.CpuFusing;
import io.millrace.executor.schedule.Schedule;
import io.millrace.executor.schedule.Stage;
import io.millrace.executor.step.Arithmetic;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.program.LatentOp;
import io.millrace.model.program.MixtureOp;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.program.Value;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.SideSpec;
import io.millrace.model.spec.TensorTrain;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.estimate.Questions;
import io.millrace.prefetch.VisitPlan.Part;
import io.millrace.prefetch.plan.Operation;
import io.millrace.prefetch.plan.StepWork;
import io.millrace.prefetch.plan.VisitWork;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What a step computes, told from the shapes of a model: the programs of this package, counted
 * instead of run.
 */
final class StepCosts {
    private static final List<QueryGroup> ONE = List.of(new QueryGroup(0, List.of(Query.AT_THETA)));

    private final List<Schedule> blocks;
    private final int virtual; // tokens before each sequence
    private final int tableRows; // that all tokens share
    private final ModelLayout layout;
    private final Shape shape;
    private final StepParts parts;
    private final boolean folded; // by a pass of the same step
    private final int alike; // visits at the beginning that every scale sees alike
    private final List<QueryGroup> together;

    /**
     * What decides how much there is to compute.
     *
     * @param batch sequences a step
     * @param microBatch sequences that pass through a block together
     * @param tokens tokens of a sequence
     * @param scored tokens of a sequence whose prediction is scored
     * @param rule what the step does to parameters
     * @param questions what a step asks for
     * @param workers that share the work
     * @param readsStored whether products read any type as it is stored, as those of cards do
     */
    record Shape(
            int batch,
            int microBatch,
            int tokens,
            int scored,
            RuleCosts rule,
            Questions questions,
            int workers,
            boolean readsStored) {
        Arithmetic arithmetic() {
            return rule.arithmetic();
        }

        int microBatches() {
            return Math.ceilDiv(batch, microBatch);
        }

        /** Whether products read a matrix where it lies. */
        boolean reads(DType dtype) {
            DType operands = arithmetic().matmul() == Matmul.BF16 ? DType.BF16 : DType.F32;
            return readsStored || dtype == operands;
        }

        /** The same where it is asked of so many sequences of the batch. */
        Shape over(int sequences) {
            return new Shape(
                    sequences, microBatch, tokens, scored, rule, questions, workers, readsStored);
        }

        /** Each of a step's passes. */
        List<Shape> each(List<Questions> passes) {
            return passes.stream().map(this::asking).toList();
        }

        /** The same step where other losses are asked for. */
        Shape asking(Questions other) {
            return new Shape(batch, microBatch, tokens, scored, rule, other, workers, readsStored);
        }

        int sequences(int index) {
            return Math.min(microBatch, batch - index * microBatch);
        }
    }

    private StepCosts(
            ModelProgram program,
            ModelLayout layout,
            Shape shape,
            StepParts parts,
            boolean folded) {
        blocks = CpuFusing.schedules(program);
        virtual = program.virtualTokens();
        tableRows = program.tableRows();
        this.layout = layout;
        this.shape = shape;
        this.parts = parts;
        this.folded = folded;
        int first = 0;
        while (first < layout.visits().size() - 1
                && shape.questions.allScales() > 1
                && isStill(layout.visits().get(first))) {
            first++;
        }
        alike = first;
        together = QueryGroup.cut(queries(shape.questions), scalesAtOnce());
    }

    private boolean isStill(int block) {
        // Rows of a table that the embedding does not have are trained all the same.
        boolean looksUp = layout.panels().later() && block == layout.visits().getFirst();
        return !parts.of(block).active() || !(looksUp || isTrained(block));
    }

    private boolean isTrained(int block) {
        return layout.tuned().block(block).tensors().stream().anyMatch(TensorSlot::isTrained);
    }

    /** Whether no matrix of the blocks is trained, in place or beside. */
    private static boolean readsMatrices(ModelLayout layout) {
        return layout.beside().isPresent() && !layout.ownsBeside();
    }

    /** The most scales of queries that share products; 0 where each query goes alone. */
    static int scalesAtOnce(ModelProgram program, ModelLayout layout, Shape shape) {
        return new StepCosts(program, layout, shape, StepParts.ALL, false).scalesAtOnce();
    }

    /** Dense directions take one query after another, and so do products of E4M3. */
    private int scalesAtOnce() {
        boolean alone =
                !(shape.arithmetic().direction() instanceof FactoredDirection)
                        && !readsMatrices(layout);
        if (alone || shape.arithmetic().matmul() == Matmul.FP8) {
            return 0;
        }
        ScratchSize size =
                ScratchSize.batches(
                                shape.batch(),
                                shape.microBatch(),
                                shape.tokens(),
                                shape.questions())
                        .withVirtual(virtual)
                        .withTable(tableRows);
        return LowRankSize.together(shape.arithmetic(), size, layout).scalesAtOnce();
    }

    /** As many as are asked, of as many scales each. */
    private static List<Query> queries(Questions questions) {
        List<Query> queries = new ArrayList<>();
        for (Questions.Group group : questions.groups()) {
            Query query = new Query(0, Collections.nCopies(group.scales(), 1f));
            queries.addAll(Collections.nCopies(group.queries(), query));
        }
        return queries;
    }

    /** The work of a step once updates are pending: that of every step but the first. */
    static StepWork of(ModelProgram program, ModelLayout layout, Shape shape) {
        return new StepCosts(program, layout, shape, StepParts.ALL, false).work();
    }

    /** The same of each pass of a step; the first folds. */
    static List<StepWork> passes(
            ModelProgram program, ModelLayout layout, List<Shape> passes, StepParts parts) {
        List<StepWork> works = new ArrayList<>();
        for (Shape pass : passes) {
            works.add(new StepCosts(program, layout, pass, parts, !works.isEmpty()).work());
        }
        return works;
    }

    private StepWork work() {
        List<VisitWork> visits = new ArrayList<>();
        int head = layout.visits().size() - 1;
        for (int panel : layout.panels().lookedUp()) {
            boolean last = !layout.panels().head().contains(panel);
            visits.add(
                    visit(0, panel, last, tally -> tally.pass(blocks.getFirst().of(Part.LOOKUP))));
        }
        for (int place = 0; place < layout.visits().size(); place++) {
            int index = place;
            int block = layout.visits().get(index);
            boolean last = layout.visits().lastIndexOf(block) == index;
            visits.add(
                    visit(
                            index,
                            block,
                            last,
                            tally -> {
                                tally.pass(blocks.get(index));
                                if (index == 0 && layout.panels().later()) {
                                    tally.foldLater();
                                }
                            }));
            Optional<MixtureOp.Experts> experts = blocks.get(index).experts();
            if (experts.isPresent()) {
                addExperts(index, experts.get(), visits);
            }
        }
        for (int panel : layout.panels().head()) {
            visits.add(
                    visit(head, panel, true, tally -> tally.pass(blocks.get(head).of(Part.SCORE))));
        }
        return new StepWork(
                visits, (long) shape.batch * shape.tokens, shape.arithmetic().foldEvery());
    }

    /**
     * Those that any token is expected to choose, as if every expert were as likely as any other:
     * spread over all of them, and over the micro-batches.
     */
    private void addExperts(int index, MixtureOp.Experts op, List<VisitWork> visits) {
        List<Integer> all = layout.experts().get(index - 1);
        int tokens = shape.batch() * (shape.tokens() + virtual);
        int coming = expected(op, tokens);
        for (int one = 0; one < coming; one++) {
            int expert = (int) ((long) one * all.size() / coming);
            int number = one;
            visits.add(
                    visit(
                            index,
                            all.get(expert),
                            true,
                            tally -> tally.passExpert(op, expert, number, coming)));
        }
    }

    /** How many experts so many tokens choose. */
    private static int expected(MixtureOp.Experts op, int tokens) {
        int all = op.experts().size();
        double missing = Math.pow(1 - (double) op.chosen() / all, tokens);
        return (int) Math.max(1, Math.round(all * (1 - missing)));
    }

    private VisitWork visit(int index, int block, boolean last, Consumer<Tally> pass) {
        StepParts.Part part = parts.of(block);
        boolean folds = last && !folded;
        boolean first = isFirst(index, block);
        List<Operation> folding =
                new Tally(block, first, folded ? part.folded() : part, folds, true)
                        .operations(index, pass);
        List<Operation> reading =
                shape.arithmetic().foldEvery() == 1
                        ? folding
                        : new Tally(block, first, part, false, false).operations(index, pass);
        boolean changes =
                layout.beside().isEmpty() && folds && isTrained(block) && part.pending() > 0;
        return new VisitWork(block, folding, reading, changes);
    }

    /** Whether a step comes to a block there for the first time. */
    private boolean isFirst(int index, int block) {
        int visit = layout.visits().indexOf(block);
        boolean looked = layout.panels().lookedUp().contains(block);
        return visit < 0 ? index == 0 || !looked : visit == index;
    }

    /** Counts one visit. */
    private final class Tally {
        private final BlockLayout block;
        private final BlockLayout tuned; // the block, or its companion
        private final boolean first;
        private final WeightCosts weights;
        private final List<Operation> operations = new ArrayList<>();
        private int scales; // of what passes
        private int sequences;
        private int rows; // that the stage at hand works on

        Tally(int number, boolean first, StepParts.Part part, boolean folds, boolean foldingStep) {
            block = layout.block(number);
            tuned = layout.tuned().block(number);
            this.first = first;
            boolean shared = readsMatrices(layout);
            weights = WeightCosts.of(shape, part, shared, folds, foldingStep, operations);
        }

        List<Operation> operations(int index, Consumer<Tally> pass) {
            if (first) {
                weights.update(tuned);
            }
            for (QueryGroup group : index < alike ? ONE : together) {
                scales = group.scaleCount();
                weights.asking(group.queries().size(), scales);
                pass.accept(this);
            }
            weights.foldTheRest(tuned);
            return operations;
        }

        /**
         * What panels cost that steps do not visit, as if each had a share of it in every step; of
         * what they move, which is little, nothing is counted.
         */
        private void foldLater() {
            layout.panels().embedding().forEach(panel -> weights.foldTheRest(layout.block(panel)));
        }

        private void pass(Schedule schedule) {
            for (int batch = 0; batch < shape.microBatches(); batch++) {
                sequences = shape.sequences(batch);
                for (Stage stage : schedule.stages()) {
                    count(stage);
                }
            }
        }

        /** What is asked of no row costs nothing; a sum in passing is the other operator's. */
        private void count(Stage stage) {
            rows = rows(stage.rows());
            if (rows == 0) {
                return;
            }
            switch (stage.op()) {
                case Op.Lookup op -> {
                    TensorSlot table =
                            layout.panels()
                                    .alone()
                                    .filter(one -> one.name().equals(op.table().name()))
                                    .orElseGet(() -> block.tensor(op.table().name()));
                    // As if every id were as likely as any other.
                    long here = rows * table.elementCount() / table.wholeElementCount();
                    weights.lookUp(table, here, op.table().width());
                }
                case Op.Copy op -> pass(Operation.Kind.COPY, op.out().width());
                case Op.Norm op -> norm(op.norm(), op.out().width());
                case Op.NormHeads op ->
                        norm(op.norm(), (long) op.heads().count() * op.norm().width());
                case Op.Linear op -> op.matrices().forEach(this::linear);
                case Op.Rotate op -> {
                    HeadsSpec heads = op.heads();
                    long turned = (long) heads.queries().count() + heads.keys().count();
                    pass(Operation.Kind.ROTARY, turned * heads.dim());
                }
                case Op.Attend op -> {
                    HeadsSpec heads = op.attention().heads();
                    long all = (long) scales * sequences * heads.queries().count();
                    // Of a text that goes on, a query sees half of it.
                    all = op.attention().mask().isCausal() ? all : 2 * all;
                    int dim = Math.ceilDiv(heads.dim() + heads.valueDim(), 2);
                    operations.add(new Operation.Attend(shape.tokens + virtual, dim, all));
                    op.attention().sinks().ifPresent(sinks -> weights.vector(block.tensor(sinks)));
                    operations.add(new Operation.Dispatch(1));
                }
                case Op.Activate op -> {
                    boolean cheap = op.activation() == Activation.RELU;
                    pass(cheap ? Operation.Kind.RELU : Operation.Kind.ACTIVATION, op.out().width());
                }
                case Op.Gate op -> pass(Operation.Kind.ACTIVATION, op.out().width());
                case Op.GateHalves op -> pass(Operation.Kind.ACTIVATION, op.out().width());
                case Op.Times op -> pass(Operation.Kind.RELU, op.out().width());
                case Op.Add op -> pass(Operation.Kind.COPY, op.out().width());
                case Op.Scale op -> beside(op, rows, op.width());
                case Op.Virtual op -> beside(op, sequences * op.tokens(), op.width());
                case MixtureOp op -> mixture(op);
                case LatentOp op -> pass(Operation.Kind.COPY, op.makes().orElseThrow().width());
                case Bottleneck op -> bottleneck(op);
                case Op.Score op -> {
                    int outputs =
                            Math.toIntExact(block.tensor(op.logits().weight()).shape().getFirst());
                    LinearSpec logits = op.logits();
                    linear(outputs == logits.outputs() ? logits : logits.rows(outputs));
                    pass(Operation.Kind.LOSS, outputs);
                }
            }
        }

        private void mixture(MixtureOp op) {
            switch (op) {
                case MixtureOp.GateRows gate -> pass(Operation.Kind.RELU, gate.out().width());
                case MixtureOp.Route route -> {
                    linear(route.router());
                    route.route()
                            .correction()
                            .ifPresent(name -> weights.vector(block.tensor(name)));
                    pass(Operation.Kind.ACTIVATION, route.out().width());
                }
                case MixtureOp.Experts _ -> {
                    // They are visits of their own.
                }
            }
        }

        /** What an expert does in the micro-batches in which anyone chooses it. */
        private void passExpert(MixtureOp.Experts op, int expert, int number, int coming) {
            for (int batch = 0; batch < shape.microBatches(); batch++) {
                sequences = shape.sequences(batch);
                int tokens = rows(op.in().rows());
                int here = Math.min(coming, expected(op, tokens));
                if ((number + (long) batch * here) % coming < here) {
                    rows = (int) Math.ceilDiv((long) tokens * op.chosen(), here);
                    op.experts().get(expert).matrices().forEach(this::linear);
                    if (op.isJoined()) {
                        pass(Operation.Kind.COPY, op.both().width());
                    }
                    pass(Operation.Kind.COPY, op.in().width());
                    pass(Operation.Kind.ACTIVATION, op.up().width());
                    pass(Operation.Kind.COPY, op.out().width());
                }
            }
        }

        private void bottleneck(Bottleneck op) {
            beside(op, rows, op.in().width());
            for (TensorTrain train : List.of(op.down(), op.up())) {
                operations.add(
                        new Operation.Side(
                                rows,
                                train.inputWidth(),
                                train.outputWidth(),
                                train.rank(),
                                scales));
            }
        }

        private void beside(Op.Beside op, int changed, long width) {
            op.tensors().forEach(tensor -> weights.vector(tuned.tensor(tensor.name())));
            operations.add(
                    new Operation.Pass(Operation.Kind.COPY, (double) scales * changed * width));
            operations.add(new Operation.Dispatch(2));
        }

        private int rows(Value.Rows wanted) {
            return switch (wanted) {
                case ALL -> sequences * (shape.tokens + virtual);
                case HEAD -> sequences * shape.scored;
                case TABLE -> tableRows;
            };
        }

        private void linear(LinearSpec linear) {
            if (linear.bias() != null) {
                weights.vector(block.tensor(linear.bias()));
                operations.add(new Operation.Dispatch(1));
            }
            linear.side().ifPresent(side -> beside(linear, side));
            weights.multiply(block.tensor(linear.weight()), linear, MicroBatch.padded(rows));
        }

        private void beside(LinearSpec linear, SideSpec side) {
            weights.vector(tuned.tensor(side.first()));
            weights.vector(tuned.tensor(side.second()));
            operations.add(
                    new Operation.Side(
                            MicroBatch.padded(rows),
                            linear.inputs(),
                            linear.outputs(),
                            side.rank(),
                            scales));
            // Two forms, a factor that is turned, and the products with the other.
            operations.add(new Operation.Dispatch(4));
        }

        private void norm(NormSpec norm, long width) {
            weights.vector(block.tensor(norm.weight()));
            if (norm.bias() != null) {
                weights.vector(block.tensor(norm.bias()));
            }
            pass(Operation.Kind.NORM, width);
            operations.add(new Operation.Dispatch(norm.bias() == null ? 1 : 2));
        }

        private void pass(Operation.Kind kind, long width) {
            operations.add(new Operation.Pass(kind, (double) scales * rows * width));
            operations.add(new Operation.Dispatch(1));
        }
    }
}
