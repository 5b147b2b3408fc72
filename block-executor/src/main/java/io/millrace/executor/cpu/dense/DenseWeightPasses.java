package io.millrace.executor.cpu.dense;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.ParameterPass;
import io.millrace.executor.cpu.param.PassPlan;
import io.millrace.executor.cpu.param.StoredTensor;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.EachQuery;
import io.millrace.executor.cpu.weight.HostVisit;
import io.millrace.executor.cpu.weight.LinearProgram;
import io.millrace.executor.cpu.weight.PassOutputs;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.executor.step.Floats;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.PendingUpdates;
import io.millrace.optim.update.Shape;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/** The dense way: one fused pass folds, makes z and writes θ + s z into scratch memory. */
public final class DenseWeightPasses implements WeightPasses {
    private static final MemorySegment[] NO_OUTPUTS = {};
    private static final long[] NO_OFFSETS = {};

    private final WorkerPool pool;
    private final ParameterPass[] passes;
    private final PassOutputs[] outputs;
    private final ReadForms reads;
    private final ScaledForms scaled;
    private final Optional<Shape> shape;
    private final int foldEvery;
    private final int scalesAtOnce;

    /**
     * Passes for every worker of a pool.
     *
     * @param pool the workers
     * @param pass makes the pass of a worker
     * @param shape what becomes of z before a query sees it
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param scales the most scales that a query has
     */
    public DenseWeightPasses(
            WorkerPool pool,
            Supplier<ParameterPass> pass,
            Optional<Shape> shape,
            int foldEvery,
            int scales) {
        this(pool, pass, shape, foldEvery, scales, false);
    }

    /**
     * The same, where all matrices may be such as are only read.
     *
     * @param pool the workers
     * @param pass makes the pass of a worker
     * @param shape what becomes of z before a query sees it
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param scales the most scales that go through a block together
     * @param readsMatrices whether all that is trained is beside the model, so that products take
     *     the rows of several queries
     */
    public DenseWeightPasses(
            WorkerPool pool,
            Supplier<ParameterPass> pass,
            Optional<Shape> shape,
            int foldEvery,
            int scales,
            boolean readsMatrices) {
        this.pool = pool;
        scalesAtOnce = readsMatrices ? scales : 0;
        this.shape = shape;
        this.foldEvery = foldEvery;
        passes = new ParameterPass[pool.workers()];
        outputs = new PassOutputs[pool.workers()];
        reads = new ReadForms(outputs);
        scaled = new ScaledForms(outputs.length);
        for (int worker = 0; worker < passes.length; worker++) {
            passes[worker] = pass.get();
            outputs[worker] = new PassOutputs(scales);
        }
    }

    @Override
    public WorkerPool pool() {
        return pool;
    }

    @Override
    public int foldEvery() {
        return foldEvery;
    }

    @Override
    public TensorForm form(HostVisit visit, int tensor, List<Query> queries, boolean store) {
        return EachQuery.of(queries, store, (query, stores) -> form(visit, tensor, query, stores));
    }

    private TensorForm form(HostVisit visit, int tensor, Query query, boolean store) {
        if (!visit.slot(tensor).isPlain()) {
            OptionalInt scales = visit.scalesOf(tensor);
            if (scales.isEmpty()) {
                return reads.form(visit, tensor, query);
            }
            TensorForm seen = form(visit, scales.getAsInt(), query, false);
            return scaled.form(visit, tensor, seen, query.scales().size());
        }
        return form(visit, tensor, plan(visit, tensor, query, store));
    }

    /** A tensor as queries see it, where its pending updates are summed already. */
    public TensorForm form(
            HostVisit visit,
            int tensor,
            List<Query> queries,
            boolean store,
            MemorySegment gathered) {
        boolean current = visit.isCurrent(tensor);
        return EachQuery.of(
                queries,
                store,
                (query, stores) -> {
                    PassPlan plan = plan(visit, tensor, query, stores);
                    return form(visit, tensor, current ? plan : plan.withGathered(gathered));
                });
    }

    @Override
    public void fold(HostVisit visit, int tensor) {
        fold(visit.stored(tensor), PassPlan.reading(visit.pending(tensor), true));
    }

    /** Runs a plan that writes nothing out over a whole tensor. */
    public void fold(StoredTensor tensor, PassPlan plan) {
        TensorForm.share(
                pool,
                tensor.elements(),
                (first, count, worker) ->
                        passes[worker].range(tensor, plan, first, count, NO_OUTPUTS, NO_OFFSETS));
    }

    private PassPlan plan(HostVisit visit, int tensor, Query query, boolean store) {
        PendingUpdates pending = visit.pending(tensor, query);
        if (query.isItself()) {
            return PassPlan.reading(pending, store);
        }
        PassPlan plan = PassPlan.querying(pending, store, query);
        return shape.flatMap(rule -> rule.of(pending.lastStep() + 1, query.seed()))
                .map(plan::withShape)
                .orElse(plan);
    }

    private TensorForm form(HostVisit visit, int tensor, PassPlan plan) {
        return new Form(visit.stored(tensor), plan, visit.slot(tensor).shape().getLast());
    }

    @Override
    public LinearProgram linear(CpuWorkers workers, Scratch scratch) {
        return scalesAtOnce > 0
                ? new SharedLinear(workers, scratch)
                : new DenseLinear(workers, scratch);
    }

    @Override
    public int scalesAtOnce() {
        return scalesAtOnce;
    }

    @Override
    public void close() {
        // It gathers nothing.
    }

    private final class Form implements TensorForm {
        private final StoredTensor tensor;
        private final PassPlan plan;
        private final long columns;

        Form(StoredTensor tensor, PassPlan plan, long columns) {
            this.tensor = tensor;
            this.plan = plan;
            this.columns = columns;
        }

        @Override
        public void range(long first, long count, Floats place, long stride, int worker) {
            PassOutputs out = outputs[worker].aim(plan.outputs(), place, stride);
            passes[worker]
                    .writing(place.type())
                    .range(tensor, plan, first, count, out.memory(), out.offsets());
        }

        @Override
        public void columns(int from, int count, Floats place, long stride, int worker) {
            PassOutputs out = outputs[worker].aim(plan.outputs(), place, stride);
            passes[worker]
                    .writing(place.type())
                    .rectangle(
                            tensor,
                            plan,
                            columns,
                            0,
                            tensor.elements() / columns,
                            from,
                            count,
                            out.memory(),
                            out.offsets());
        }
    }
}
