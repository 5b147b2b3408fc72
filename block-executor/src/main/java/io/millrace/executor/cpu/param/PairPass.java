package io.millrace.executor.cpu.param;

import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The pass over a matrix whose directions are pairs of factors: widens elements to float32, adds
 * the products of the updates that they have not seen, rounds and writes back, and writes out what
 * a reader sees. It works in tiles of rows and columns, so that what many terms have of some
 * columns is read from the cache for all rows. A matrix may be cut in any way without a change of
 * an element's value. An instance belongs to one thread; any number may work at once on elements
 * that do not overlap.
 */
public final class PairPass implements MatrixPass<PairPlan> {
    private static final int TILE = 4096;
    private static final int WIDTH = 512; // columns of a tile
    private static final int TOGETHER = 4; // rows that a vector of a factor is read for once
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Rounding rounding;
    private final StorageCodec codec = new StorageCodec(TILE);
    private final float[] p = new float[TILE];
    private final float[] seen = new float[TILE];
    private final float[] sum = new float[TILE]; // of a step with decay, before p has it
    private final float[] own; // a row of w of a query
    private final LeftRows rows;
    private float[] w = {};
    private DType written = DType.F32;

    // What is at work: set by each call.
    private StoredTensor tensor;
    private PairPlan plan;
    private MemorySegment[] outputs;
    private long[] outputOffsets;

    /**
     * A pass for one thread.
     *
     * @param rank the largest of a direction's factors
     * @param rounding how folded parameters become 16-bit values
     */
    public PairPass(int rank, Rounding rounding) {
        this.rounding = rounding;
        own = new float[rank];
        rows = new LeftRows(rank);
    }

    @Override
    public PairPass writing(DType type) {
        written = type;
        return this;
    }

    @Override
    public void range(
            StoredTensor of,
            PairPlan what,
            long firstElement,
            long count,
            MemorySegment[] to,
            long[] offsets) {
        Objects.checkFromIndexSize(firstElement, count, of.elements());
        aim(of, what, to, offsets);
        long columns = what.columns();
        long done = 0;
        while (done < count) {
            long element = firstElement + done;
            long column = element % columns;
            long width = Math.min(columns - column, count - done);
            long many = width == columns ? (count - done) / columns : 1;
            rectangle(new Area(element / columns, many, column, width), done);
            done += many * width;
        }
    }

    @Override
    public void columns(
            StoredTensor of,
            PairPlan what,
            long column,
            long width,
            MemorySegment[] to,
            long[] offsets) {
        Objects.checkFromIndexSize(column, width, what.columns());
        aim(of, what, to, offsets);
        rectangle(new Area(0, of.elements() / what.columns(), column, width), 0);
    }

    /**
     * Passes over a part of a matrix and writes nothing out.
     *
     * @param of where the matrix is stored
     * @param what to do
     * @param area the part
     */
    public void fold(StoredTensor of, PairPlan what, Area area) {
        aim(of, what, new MemorySegment[0], new long[0]);
        rectangle(area, 0);
    }

    /**
     * A rectangle of a matrix.
     *
     * @param row the first
     * @param rows how many
     * @param column the first
     * @param columns how many
     */
    public record Area(long row, long rows, long column, long columns) {}

    private void aim(StoredTensor of, PairPlan what, MemorySegment[] to, long[] offsets) {
        tensor = of;
        plan = what;
        outputs = to;
        outputOffsets = offsets;
    }

    /** Columns in turn, and for some of them all rows: their terms stay in the cache. */
    private void rectangle(Area area, long outputElement) {
        for (long column = 0; column < area.columns; column += WIDTH) {
            int width = (int) Math.min(WIDTH, area.columns - column);
            int atOnce = TILE / width;
            for (long row = 0; row < area.rows; row += atOnce) {
                int many = (int) Math.min(atOnce, area.rows - row);
                Area tile = new Area(area.row + row, many, area.column + column, width);
                update(tile);
                show(tile, outputElement + row * area.columns + column, area.columns);
            }
        }
    }

    private void update(Area tile) {
        int many = (int) tile.rows;
        int width = (int) tile.columns;
        for (int row = 0; row < many; row++) {
            codec.load(tensor.bytes(), stored(tile, row), tensor.dtype(), p, row * width, width);
        }
        for (PairPlan.Step step : plan.steps()) {
            float[] to = begin(step.decay(), many * width);
            if (step.count() > 0) {
                add(step, tile, to);
            }
            end(to, many * width);
            if (step.rounds().isPresent()) {
                round(step.rounds().getAsLong(), tile);
            }
            if (step.store()) {
                for (int row = 0; row < many; row++) {
                    codec.store(
                            tensor.bytes(),
                            stored(tile, row),
                            tensor.dtype(),
                            p,
                            row * width,
                            width);
                }
            }
        }
    }

    private long element(Area tile, int row) {
        return (tile.row + row) * plan.columns() + tile.column;
    }

    private long stored(Area tile, int row) {
        return tensor.offset() + element(tile, row) * tensor.dtype().sizeBytes();
    }

    /** Decays p, and says to what products are added: p itself, or a sum apart. */
    private float[] begin(Decay decay, int count) {
        if (decay.scales()) {
            TileKernels.scale(p, count, decay.scale());
        }
        if (!decay.adds()) {
            return p;
        }
        TileKernels.product(sum, p, count, decay.added());
        return sum;
    }

    @SuppressWarnings("ReferenceEquality") // whether it is the same array
    private void end(float[] to, int count) {
        if (to != p) {
            TileKernels.plus(p, to, count);
        }
    }

    private void round(long seed, Area tile) {
        int width = (int) tile.columns;
        int many = (int) tile.rows;
        if (rounding == Rounding.NEAREST) {
            codec.roundNearest(tensor.dtype(), p, 0, many * width);
            return;
        }
        for (int row = 0; row < many; row++) {
            StochasticRounding.round(
                    tensor.dtype(),
                    seed,
                    tensor.tensorId(),
                    element(tile, row),
                    p,
                    row * width,
                    width);
        }
    }

    private void add(PairPlan.Step step, Area tile, float[] to) {
        PairTerms terms = plan.terms();
        int many = (int) tile.rows;
        int count = step.count();
        if (w.length < many * count) {
            w = new float[many * count];
        }
        for (int row = 0; row < many; row++) {
            long at = (tile.row + row - terms.firstRow()) * terms.count() + step.first();
            MemorySegment.copy(terms.left(), FLOAT, at * Float.BYTES, w, row * count, count);
        }
        long first = step.first() * terms.stride() + tile.column - terms.firstColumn();
        int width = (int) tile.columns;
        int row = 0;
        for (; row <= many - TOGETHER; row += TOGETHER) {
            addFour(to, row * width, width, row * count, count, first);
        }
        for (; row < many; row++) {
            for (int t = 0; t < count; t++) {
                long from = first + t * terms.stride();
                TileKernels.add(to, row * width, terms.right(), from, width, w[row * count + t]);
            }
        }
    }

    /** Four rows at once: each vector of a right factor is read once for them. */
    private void addFour(float[] to, int start, int width, int line, int count, long first) {
        MemorySegment right = plan.terms().right();
        long stride = plan.terms().stride() * Float.BYTES;
        int whole = FLOATS.loopBound(width);
        for (int c = 0; c < whole; c += FLOATS.length()) {
            int second = start + width + c;
            int third = second + width;
            int fourth = third + width;
            FloatVector a = FloatVector.fromArray(FLOATS, to, start + c);
            FloatVector b = FloatVector.fromArray(FLOATS, to, second);
            FloatVector d = FloatVector.fromArray(FLOATS, to, third);
            FloatVector e = FloatVector.fromArray(FLOATS, to, fourth);
            long at = (first + c) * Float.BYTES;
            for (int t = 0; t < count; t++) {
                FloatVector factor =
                        FloatVector.fromMemorySegment(FLOATS, right, at, ByteOrder.LITTLE_ENDIAN);
                a = factor.fma(FloatVector.broadcast(FLOATS, w[line + t]), a);
                b = factor.fma(FloatVector.broadcast(FLOATS, w[line + count + t]), b);
                d = factor.fma(FloatVector.broadcast(FLOATS, w[line + 2 * count + t]), d);
                e = factor.fma(FloatVector.broadcast(FLOATS, w[line + 3 * count + t]), e);
                at += stride;
            }
            a.intoArray(to, start + c);
            b.intoArray(to, second);
            d.intoArray(to, third);
            e.intoArray(to, fourth);
        }
        for (int row = 0; row < TOGETHER && whole < width; row++) {
            int at = start + row * width + whole;
            for (int t = 0; t < count; t++) {
                long from = first + whole + t * plan.terms().stride();
                TileKernels.add(to, at, right, from, width - whole, w[line + row * count + t]);
            }
        }
    }

    /** What queries see of a tile, or it itself. */
    private void show(Area tile, long outputElement, long outputStride) {
        if (outputs.length == 0) {
            return;
        }
        int width = (int) tile.columns;
        for (int row = 0; row < tile.rows; row++) {
            long element = outputElement + row * outputStride;
            if (plan.side().isPresent()) {
                see(plan.side().get(), tile, row, element);
            } else {
                write(p, row * width, width, 0, element);
            }
        }
    }

    private void see(LowRankPlan.Side side, Area tile, int row, long outputElement) {
        int width = (int) tile.columns;
        int output = 0;
        for (Query query : side.left().queries()) {
            rows.begin(side.left(), query.seed(), tile.row + row, 1);
            for (float scale : query.scales()) {
                rows.make(side.left(), output, scale, tile.row + row, 1, own);
                System.arraycopy(p, row * width, seen, 0, width);
                MemorySegment right = side.rights().get(output);
                for (int j = 0; j < side.left().rank(); j++) {
                    long from = j * plan.columns() + tile.column;
                    TileKernels.add(seen, 0, right, from, width, own[j]);
                }
                write(seen, 0, width, output, outputElement);
                output++;
            }
        }
    }

    private void write(float[] values, int start, int count, int output, long element) {
        long offset = outputOffsets[output] + element * written.sizeBytes();
        codec.store(outputs[output], offset, written, values, start, count);
    }
}
