package io.millrace.executor.cpu.weight;

import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.scratch.ScratchPlan;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.model.spec.LinearSpec;

/**
 * A matrix of weights in the type that products read: whole in memory, or a panel of output columns
 * at a time, formed by the worker that multiplies with it while it is in the cache.
 */
public final class WeightPanels {
    private static final int PANELS_PER_WORKER = 4;

    private final WorkerPool pool;
    private final Scratch scratch;

    public WeightPanels(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /** Work on one panel of columns. */
    @FunctionalInterface
    public interface Task {
        /**
         * Does the work.
         *
         * @param panel which panel
         * @param place the first scale's
         * @param stride elements from one scale's to the next
         * @param layout how it lies
         * @param worker who does it
         */
        void run(int panel, Floats place, long stride, WeightLayout layout, int worker);
    }

    /**
     * Whether a matrix is formed whole and shared: where it is small, and its panels are too few to
     * keep all workers busy to the end. The products' bits are the same either way, but for what is
     * turned, which is always formed in panels.
     */
    public boolean formsWhole(LinearSpec spec, GemmTiles tiles, TensorForm form) {
        return formsWhole(spec, tiles, pool.workers())
                && !form.turns(tiles.panelWidth(0), scratch.operandType());
    }

    /** The same with so many workers. */
    public static boolean formsWhole(LinearSpec spec, GemmTiles tiles, int workers) {
        return (long) spec.inputs() * spec.outputs() <= ScratchPlan.WHOLE_MATRIX_ELEMENTS
                && tiles.columnTiles() < PANELS_PER_WORKER * workers;
    }

    /** Forms a small matrix where all workers see it. */
    public Floats formWhole(TensorForm form, long elements) {
        TensorForm.whole(pool, form, elements, scratch.wholeMatrix(), elements);
        return scratch.wholeMatrix();
    }

    /** Runs a task on every panel of a matrix that lies whole in memory. */
    public void each(LinearSpec spec, GemmTiles tiles, Floats matrix, long stride, Task task) {
        pool.parallelFor(
                tiles.columnTiles(),
                Operator.GEMM,
                (panel, worker) ->
                        task.run(
                                panel,
                                matrix.at(skip(spec, tiles, panel)),
                                stride,
                                stored(spec),
                                worker));
    }

    /** Forms every panel and runs a task on it. */
    public void formEach(LinearSpec spec, GemmTiles tiles, TensorForm form, Task task) {
        pool.parallelFor(
                tiles.columnTiles(),
                Operator.FORM,
                (panel, worker) -> {
                    int column = tiles.panelColumn(panel);
                    int width = tiles.panelWidth(panel);
                    Floats place = scratch.panel(worker);
                    long stride = (long) width * spec.inputs();
                    WeightLayout layout = form(spec, form, column, width, place, worker);
                    task.run(panel, place, stride, layout, worker);
                });
    }

    private static WeightLayout form(
            LinearSpec spec, TensorForm form, int column, int width, Floats place, int worker) {
        long stride = (long) width * spec.inputs();
        if (!form.turns(width, place.type())) {
            if (spec.inputMajor()) {
                form.columns(column, width, place, stride, worker);
            } else {
                form.range((long) column * spec.inputs(), stride, place, stride, worker);
            }
            return WeightLayout.of(spec.inputMajor(), spec.inputs(), width);
        }
        if (place.type() == DType.F32) {
            form.turned(column, width, place, stride, worker);
            return WeightLayout.of(true, spec.inputs(), width);
        }
        int each = Gemm.Order.PAIRED_OUTPUTS;
        for (int part = 0; part < width; part += each) {
            Floats its = place.at((long) part * spec.inputs());
            form.turned(column + part, each, its, stride, worker);
        }
        return new WeightLayout(Gemm.Order.PAIRS, 0);
    }

    /** How a matrix lies that is whole in memory. */
    public static WeightLayout stored(LinearSpec spec) {
        return WeightLayout.of(spec.inputMajor(), spec.inputs(), spec.outputs());
    }

    /** Elements of the stored matrix before a panel. */
    public static long skip(LinearSpec spec, GemmTiles tiles, int panel) {
        int column = tiles.panelColumn(panel);
        return spec.inputMajor() ? column : (long) column * spec.inputs();
    }
}
