package io.millrace.executor.cpu.param;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The pass over a matrix whose updates are of low rank: widens elements to float32, folds, writes
 * back, and writes out what a reader sees. The rows of one matrix may be cut in any way without a
 * change of an element's value. An instance belongs to one thread; any number may work at once on
 * elements that do not overlap.
 */
public final class LowRankPass implements MatrixPass<LowRankPlan> {
    private static final int TILE = 4096;

    private final Rounding rounding;
    private final StorageCodec codec = new StorageCodec(TILE);
    private final float[] p = new float[TILE];
    private final float[] seen = new float[TILE];
    private final float[] sum = new float[TILE]; // from decay on, before θ has it
    private final float[] w; // of a row
    private final LeftRows rows;
    private DType written = DType.F32;

    /**
     * A pass for one thread.
     *
     * @param rank the largest of the factors that it will meet
     * @param rounding how folded parameters become 16-bit values
     */
    public LowRankPass(int rank, Rounding rounding) {
        this.rounding = rounding;
        w = new float[rank];
        rows = new LeftRows(rank);
    }

    @Override
    public LowRankPass writing(DType type) {
        written = type;
        return this;
    }

    @Override
    public void range(
            StoredTensor tensor,
            LowRankPlan plan,
            long firstElement,
            long count,
            MemorySegment[] outputs,
            long[] outputOffsets) {
        Objects.checkFromIndexSize(firstElement, count, tensor.elements());
        long columns = plan.columns();
        long done = 0;
        while (done < count) {
            long element = firstElement + done;
            long column = element % columns;
            int width = (int) Math.min(Math.min(TILE, columns - column), count - done);
            piece(tensor, plan, element / columns, column, width, outputs, outputOffsets, done);
            done += width;
        }
    }

    @Override
    public void columns(
            StoredTensor tensor,
            LowRankPlan plan,
            long column,
            long tileColumns,
            MemorySegment[] outputs,
            long[] outputOffsets) {
        Objects.checkFromIndexSize(column, tileColumns, plan.columns());
        long rows = tensor.elements() / plan.columns();
        for (long row = 0; row < rows; row++) {
            for (long done = 0; done < tileColumns; done += TILE) {
                int width = (int) Math.min(TILE, tileColumns - done);
                long out = row * tileColumns + done;
                piece(tensor, plan, row, column + done, width, outputs, outputOffsets, out);
            }
        }
    }

    private void piece(
            StoredTensor tensor,
            LowRankPlan plan,
            long row,
            long column,
            int width,
            MemorySegment[] outputs,
            long[] outputOffsets,
            long outputElement) {
        long element = row * plan.columns() + column;
        long stored = tensor.offset() + element * tensor.dtype().sizeBytes();
        codec.load(tensor.bytes(), stored, tensor.dtype(), p, 0, width);
        if (plan.fold().isPresent()) {
            LowRankPlan.Fold fold = plan.fold().get();
            fold(plan, fold, row, column, width);
            round(tensor, fold.seed(), element, width);
            if (fold.store()) {
                codec.store(tensor.bytes(), stored, tensor.dtype(), p, 0, width);
            }
        }
        if (outputs.length == 0) {
            return;
        }
        if (plan.side().isEmpty()) {
            write(p, width, outputs[0], outputOffsets[0], outputElement);
            return;
        }
        LowRankPlan.Side side = plan.side().get();
        int output = 0;
        for (Query query : side.left().queries()) {
            rows.begin(side.left(), query.seed(), row, 1);
            for (float scale : query.scales()) {
                rows.make(side.left(), output, scale, row, 1, w);
                see(plan, side, output, column, width);
                write(seen, width, outputs[output], outputOffsets[output], outputElement);
                output++;
            }
        }
    }

    private void fold(LowRankPlan plan, LowRankPlan.Fold fold, long row, long column, int width) {
        float[] to = begin(fold.decay(), p, width);
        rows.fold(fold.left(), row, 1, w);
        for (int j = 0; j < fold.left().rank(); j++) {
            TileKernels.add(to, 0, fold.right(), j * plan.columns() + column, width, w[j]);
        }
        end(to, p, width);
    }

    private void see(LowRankPlan plan, LowRankPlan.Side side, int output, long column, int width) {
        System.arraycopy(p, 0, seen, 0, width);
        float[] to = begin(side.decay(), seen, width);
        MemorySegment right = side.rights().get(output);
        for (int j = 0; j < side.left().rank(); j++) {
            TileKernels.add(to, 0, right, j * plan.columns() + column, width, w[j]);
        }
        end(to, seen, width);
    }

    /** Decays values, and says to what a product is added: they themselves, or a sum apart. */
    private float[] begin(Decay decay, float[] values, int width) {
        if (decay.scales()) {
            TileKernels.scale(values, width, decay.scale());
        }
        if (!decay.adds()) {
            return values;
        }
        TileKernels.product(sum, values, width, decay.added());
        return sum;
    }

    @SuppressWarnings("ReferenceEquality") // whether it is the same array
    private static void end(float[] to, float[] values, int width) {
        if (to != values) {
            TileKernels.plus(values, to, width);
        }
    }

    private void round(StoredTensor tensor, long seed, long element, int width) {
        if (rounding == Rounding.NEAREST) {
            codec.roundNearest(tensor.dtype(), p, 0, width);
        } else {
            StochasticRounding.round(tensor.dtype(), seed, tensor.tensorId(), element, p, 0, width);
        }
    }

    private void write(float[] values, int count, MemorySegment out, long offset, long element) {
        codec.store(out, offset + element * written.sizeBytes(), written, values, 0, count);
    }
}
