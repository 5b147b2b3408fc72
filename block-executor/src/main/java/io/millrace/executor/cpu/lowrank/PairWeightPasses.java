package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.batch.QueryGroup;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.LeftSide;
import io.millrace.executor.cpu.param.LowRankPlan;
import io.millrace.executor.cpu.param.PairFactors;
import io.millrace.executor.cpu.param.PairMatrix;
import io.millrace.executor.cpu.param.PairPass;
import io.millrace.executor.cpu.param.PairPlan;
import io.millrace.executor.cpu.param.PairTerms;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongPredicate;

/**
 * The way of pairs of thin factors that are all a query's own: a matrix is read as it is stored,
 * and each query has thin products beside the one with it. Updates are sums of as many products as
 * there were queries, which are added to a matrix as those of dense directions are. Other tensors
 * are formed the dense way.
 */
public final class PairWeightPasses extends ThinPasses {
    private static final long ROWS_PER_TASK = 64;
    private static final long NEVER = -1;

    private final List<PairFactors> factors;
    private final List<PairPass> passes;

    /**
     * Passes for every worker of a pool.
     *
     * @param pool the workers
     * @param direction the direction
     * @param rounding how folded weights are rounded
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param scales the most scales that go through a block together
     * @param memory what they own
     */
    public PairWeightPasses(
            WorkerPool pool,
            FactoredDirection direction,
            Rounding rounding,
            int foldEvery,
            int scales,
            LowRankMemory memory) {
        super(pool, direction, rounding, foldEvery, scales, memory);
        factors = perWorker(() -> new PairFactors(memory.mostRank()));
        passes = perWorker(() -> new PairPass(memory.mostRank(), rounding));
    }

    @Override
    public TensorForm form(HostVisit visit, int tensor, List<Query> queries, boolean store) {
        TensorSlot slot = visit.slot(tensor);
        if (!slot.isTrained() || !LowRankSize.isMatrix(slot)) {
            return dense.form(visit, tensor, queries, store);
        }
        Optional<LowRankPlan.Side> side = Optional.empty();
        if (queries.size() > 1 || !queries.getFirst().isItself()) {
            PairMatrix matrix = matrix(slot);
            List<MemorySegment> rights =
                    rights(matrix, queries).stream().map(ThinPasses::from).toList();
            side = Optional.of(new LowRankPlan.Side(Decay.NONE, matrix.side(queries), rights));
        }
        return form(visit.stored(tensor), plan(visit, tensor, store, side));
    }

    private PairMatrix matrix(TensorSlot slot) {
        return new PairMatrix(
                direction, slot.tensorId(), LowRankSize.rowsOf(slot), LowRankSize.columnsOf(slot));
    }

    /** A matrix with all of its updates. */
    @Override
    TensorForm base(HostVisit visit, int tensor) {
        boolean store = visit.storesNow(tensor);
        return form(visit.stored(tensor), plan(visit, tensor, store, Optional.empty()));
    }

    @Override
    boolean isBase(HostVisit visit, int tensor, DType type) {
        return visit.slot(tensor).dtype() == type && visit.isCurrent(tensor);
    }

    @Override
    Beside beside(HostVisit visit, int tensor, List<Query> queries) {
        PairMatrix matrix = matrix(visit.slot(tensor));
        LeftSide left = matrix.side(queries);
        MemorySegment sides = memory.sides().segment();
        FixedFactors.shareRows(
                pool,
                matrix.rows(),
                (from, to, worker) -> kernels[worker].sides(left, matrix.rows(), from, to, sides));
        int scales = QueryGroup.scales(queries);
        return new Beside(
                1,
                left.rank(),
                rights(matrix, queries),
                Beside.places(memory.sides(), scales, left.rank() * matrix.rows()));
    }

    /** The right factor of each scale's query; the last ones made are valid. */
    private List<Floats> rights(PairMatrix matrix, List<Query> queries) {
        List<Floats> rights = new ArrayList<>();
        long floats = matrix.columns() * matrix.rank();
        for (int index = 0; index < queries.size(); index++) {
            Query query = queries.get(index);
            Floats place = memory.rights().at(index * floats);
            MemorySegment out = ThinPasses.from(place);
            FixedFactors.shareRows(
                    pool,
                    matrix.columns(),
                    (from, to, worker) ->
                            factors.get(worker).right(matrix, query.seed(), from, to, out));
            rights.addAll(Collections.nCopies(query.scales().size(), place));
        }
        return rights;
    }

    private PairPlan plan(
            HostVisit visit, int tensor, boolean store, Optional<LowRankPlan.Side> side) {
        PendingUpdates pending = visit.pending(tensor);
        PairMatrix matrix = matrix(visit.slot(tensor));
        List<PairPlan.Step> steps =
                steps(
                        pending.updates(),
                        matrix.rank(),
                        pending::foldsAfter,
                        store ? pending.foldThrough() : NEVER);
        PairTerms terms =
                terms(
                        matrix,
                        pending.updates(),
                        new PairPass.Area(0, matrix.rows(), 0, matrix.columns()));
        return new PairPlan(matrix.columns(), steps, terms, side);
    }

    private TensorForm form(StoredTensor tensor, PairPlan plan) {
        return new PlannedForm<>(passes, outputs, tensor, plan, plan.outputs());
    }

    private static List<PairPlan.Step> steps(
            List<Update> updates, int rank, LongPredicate rounds, long stored) {
        List<PairPlan.Step> steps = new ArrayList<>(updates.size());
        int first = 0;
        for (Update update : updates) {
            int count = update.terms().size() * rank;
            steps.add(
                    new PairPlan.Step(
                            update.decay(),
                            first,
                            count,
                            rounds.test(update.step())
                                    ? OptionalLong.of(update.seed())
                                    : OptionalLong.empty(),
                            update.step() == stored));
            first += count;
        }
        return steps;
    }

    /** The factors of updates for a part of a matrix; the last ones made are valid. */
    private PairTerms terms(PairMatrix matrix, List<Update> updates, PairPass.Area area) {
        int count = PairTerms.count(updates, matrix.rank());
        PairTerms terms =
                new PairTerms(
                        count,
                        memory.termLefts(),
                        area.row(),
                        memory.termRights(),
                        area.column(),
                        area.columns());
        if (count == 0) {
            return terms;
        }
        FixedFactors.shareRows(
                pool,
                area.rows(),
                (from, to, worker) ->
                        factors.get(worker)
                                .lefts(matrix, updates, terms, area.row() + from, area.row() + to));
        FixedFactors.shareRows(
                pool,
                area.columns(),
                (from, to, worker) ->
                        factors.get(worker)
                                .rights(
                                        matrix,
                                        updates,
                                        terms,
                                        area.column() + from,
                                        area.column() + to));
        return terms;
    }

    @Override
    public void fold(HostVisit visit, int tensor) {
        if (!LowRankSize.isMatrix(visit.slot(tensor))) {
            dense.fold(visit, tensor);
            return;
        }
        PendingUpdates pending = visit.pending(tensor);
        long done = pending.appliedThrough();
        for (long step = done + 1; step <= pending.foldThrough(); step++) {
            if (pending.foldsAfter(step)) {
                int count = Math.toIntExact(step - done);
                fold(visit, tensor, visit.updatesAfter(done).subList(0, count));
                done = step;
            }
        }
    }

    /** One fold, in parts whose factors there is room for. */
    private void fold(HostVisit visit, int tensor, List<Update> updates) {
        PairMatrix matrix = matrix(visit.slot(tensor));
        StoredTensor stored = visit.stored(tensor);
        long last = updates.getLast().step();
        List<PairPlan.Step> steps = steps(updates, matrix.rank(), step -> step == last, last);
        int count = PairTerms.count(updates, matrix.rank());
        long columns = part(memory.termRights(), count, matrix.columns());
        long rows = part(memory.termLefts(), count, matrix.rows());
        for (long column = 0; column < matrix.columns(); column += columns) {
            long wide = Math.min(columns, matrix.columns() - column);
            for (long row = 0; row < matrix.rows(); row += rows) {
                long many = Math.min(rows, matrix.rows() - row);
                PairPass.Area area = new PairPass.Area(row, many, column, wide);
                PairTerms terms = terms(matrix, updates, area);
                fold(stored, new PairPlan(matrix.columns(), steps, terms, Optional.empty()), area);
            }
        }
    }

    /** How many rows of factors there is room for. */
    private static long part(MemorySegment memory, int count, long all) {
        long room = memory.byteSize() / Float.BYTES / Math.max(1, count);
        if (room == 0) {
            throw new IllegalStateException("no room for the factors of " + count + " terms");
        }
        return Math.min(room, all);
    }

    private void fold(StoredTensor stored, PairPlan plan, PairPass.Area area) {
        int tasks = Math.toIntExact(Math.ceilDiv(area.rows(), ROWS_PER_TASK));
        pool.parallelFor(
                tasks,
                Operator.FORM,
                (task, worker) -> {
                    long from = task * ROWS_PER_TASK;
                    long many = Math.min(ROWS_PER_TASK, area.rows() - from);
                    passes.get(worker)
                            .fold(
                                    stored,
                                    plan,
                                    new PairPass.Area(
                                            area.row() + from,
                                            many,
                                            area.column(),
                                            area.columns()));
                });
    }
}
