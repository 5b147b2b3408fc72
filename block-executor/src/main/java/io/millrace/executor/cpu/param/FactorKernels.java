package io.millrace.executor.cpu.param;

import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/**
 * The loops over the thin factors of a direction, in tiles that stay in the first-level cache. An
 * instance belongs to one thread; any number may work at once on rows that do not overlap.
 */
public final class FactorKernels {
    private static final int TILE = 4096;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int rank;
    private final int rowsAtOnce; // of a matrix's factor
    private final float[] left;
    private final float[] momentum;
    private final float[] z;
    private final float[] sum; // of a step with decay, before L has it
    private final LeftRows rows;

    /** Kernels for factors of a rank, or of a smaller one where they have no momentum. */
    public FactorKernels(int rank) {
        this.rank = rank;
        rowsAtOnce = Math.max(1, TILE / rank);
        int tile = Math.max(TILE, rank);
        left = new float[tile];
        momentum = new float[tile];
        z = new float[tile];
        sum = new float[tile];
        rows = new LeftRows(tile);
    }

    /** Moves some rows of a track along a leg. */
    public void advance(FactorTrack track, FactorTrack.Leg leg, long rowFrom, long rowTo) {
        int width = track.width();
        int step = Math.max(1, TILE / width);
        for (long row = rowFrom; row < rowTo; row += step) {
            long first = row * width;
            int count = (int) Math.min(step, rowTo - row) * width;
            load(track.left(), first, left, count);
            track.momentum().ifPresent(memory -> load(memory, first, momentum, count));
            leg.projection().ifPresent(projection -> project(projection, count));
            for (Update update : leg.updates()) {
                apply(track, leg, update, first, count);
            }
            store(left, track.left(), first, count);
            track.momentum().ifPresent(memory -> store(momentum, memory, first, count));
        }
    }

    private void apply(
            FactorTrack track, FactorTrack.Leg leg, Update update, long first, int count) {
        if (track.startsPeriod(update.step())) {
            Arrays.fill(left, 0, count, 0f);
        }
        Decay decay = track.decays() ? update.decay() : Decay.NONE;
        if (decay.scales()) {
            TileKernels.scale(left, count, decay.scale());
        }
        if (decay.adds()) {
            TileKernels.product(sum, left, count, decay.added());
            addStep(track, leg, update, first, sum, count);
            TileKernels.plus(left, sum, count);
        } else {
            addStep(track, leg, update, first, left, count);
        }
    }

    private void addStep(
            FactorTrack track,
            FactorTrack.Leg leg,
            Update update,
            long first,
            float[] to,
            int count) {
        if (leg.orthogonal().isPresent()) {
            load(leg.orthogonal().get(), first, z, count);
            TileKernels.add(to, z, count, update.orthogonal().orElseThrow().rate());
        } else if (track.momentum().isPresent()) {
            Update.Momentum rule = update.momentum().orElseThrow();
            TileKernels.scale(momentum, count, rule.beta());
            add(track, rule.slopes(), first, momentum, count);
            TileKernels.add(to, momentum, count, rule.rate());
        } else {
            add(track, update.terms(), first, to, count);
        }
    }

    private void add(
            FactorTrack track, List<Update.Term> terms, long first, float[] to, int count) {
        for (int k = 0; k < terms.size(); k++) {
            Update.Term term = terms.get(k);
            track.fill(term.seed(), first, z, count);
            TileKernels.add(to, z, count, term.coefficient());
        }
    }

    /** N ← N · projection, for the rows of a tile. */
    private void project(float[] projection, int count) {
        System.arraycopy(momentum, 0, z, 0, count);
        for (int row = 0; row < count; row += rank) {
            for (int column = 0; column < rank; column++) {
                float sum = z[row] * projection[column];
                for (int i = 1; i < rank; i++) {
                    sum = Math.fma(z[row + i], projection[i * rank + column], sum);
                }
                momentum[row + column] = sum;
            }
        }
    }

    /** V_oldᵀ V_new / n, from the window that ends with a step to the next; row-major [r, r]. */
    float[] projection(FactoredDirection direction, long lastStep, int tensorId, long columns) {
        double[] sums = new double[rank * rank];
        for (long from = 0; from < columns; from += rowsAtOnce) {
            int count = (int) Math.min(rowsAtOnce, columns - from) * rank;
            direction.fillRight(lastStep, tensorId, from * rank, left, 0, count);
            direction.fillRight(lastStep + 1, tensorId, from * rank, z, 0, count);
            for (int at = 0; at < count; at += rank) {
                for (int i = 0; i < rank; i++) {
                    for (int j = 0; j < rank; j++) {
                        sums[i * rank + j] += (double) left[at + i] * z[at + j];
                    }
                }
            }
        }
        float[] projection = new float[rank * rank];
        for (int i = 0; i < projection.length; i++) {
            projection[i] = (float) (sums[i] / columns);
        }
        return projection;
    }

    /**
     * Writes rows of V as it is in a step, transposed: [r, n].
     *
     * @param track says of which matrix
     * @param step the step
     * @param from first row of V, a column of the matrix
     * @param to row after the last
     * @param out the whole of Vᵀ
     */
    public void right(FactorTrack track, long step, long from, long to, MemorySegment out) {
        int width = track.width();
        for (long row = from; row < to; row += rowsAtOnce) {
            int count = (int) Math.min(rowsAtOnce, to - row);
            track.direction().fillRight(step, track.tensorId(), row * width, z, 0, count * width);
            transpose(width, count, out, row, track.columns());
        }
    }

    /** Writes rows of the fixed left factor as it is in a step, row-major [m, r]. */
    public void left(FactorTrack track, long step, long from, long to, MemorySegment out) {
        int width = track.width();
        for (long row = from; row < to; row += rowsAtOnce) {
            int count = (int) Math.min(rowsAtOnce, to - row) * width;
            track.direction().fillLeft(step, track.tensorId(), row * width, z, 0, count);
            store(z, out, row * width, count);
        }
    }

    /**
     * Writes rows of a fixed factor as doubles, before its columns are made orthonormal.
     *
     * @param track says of which matrix
     * @param step the step
     * @param leftFactor which factor
     * @param from first row
     * @param to row after the last
     * @param q [rows, {@link GramSchmidt#stride}]
     */
    public void widen(
            FactorTrack track, long step, boolean leftFactor, long from, long to, MemorySegment q) {
        int width = track.width();
        for (long row = from; row < to; row += rowsAtOnce) {
            int count = (int) Math.min(rowsAtOnce, to - row);
            FactoredDirection direction = track.direction();
            if (leftFactor) {
                direction.fillLeft(step, track.tensorId(), row * width, z, 0, count * width);
            } else {
                direction.fillRight(step, track.tensorId(), row * width, z, 0, count * width);
            }
            GramSchmidt.widen(z, count, width, q, row);
        }
    }

    /**
     * Writes rows of what was made orthonormal as floats: row-major, or as columns of [r, stride].
     *
     * @param width r
     * @param q [rows, {@link GramSchmidt#stride}]
     * @param from first row
     * @param to row after the last
     * @param out the whole factor
     * @param stride of a transposed factor; 0 of one that is row-major
     */
    public void narrow(
            int width, MemorySegment q, long from, long to, MemorySegment out, long stride) {
        for (long row = from; row < to; row += rowsAtOnce) {
            int count = (int) Math.min(rowsAtOnce, to - row);
            GramSchmidt.narrow(q, row, count, width, z);
            if (stride == 0) {
                store(z, out, row * width, count * width);
            } else {
                transpose(width, count, out, row, stride);
            }
        }
    }

    /**
     * Writes rows of a left side, transposed: [r, m], one scale after another.
     *
     * @param side what of, with queries
     * @param matrixRows m
     * @param from first row
     * @param to row after the last
     * @param out [scales, r, m]
     */
    public void sides(LeftSide side, long matrixRows, long from, long to, MemorySegment out) {
        int width = side.rank();
        for (long row = from; row < to; row += rowsAtOnce) {
            int count = (int) Math.min(rowsAtOnce, to - row);
            int index = 0;
            for (Query query : side.queries()) {
                rows.begin(side, query.seed(), row, count);
                for (float scale : query.scales()) {
                    rows.make(side, index, scale, row, count, z);
                    long start = (long) index * width * matrixRows + row;
                    transpose(width, count, out, start, matrixRows);
                    index++;
                }
            }
        }
    }

    /**
     * Writes some floats of the right factors that queries make of their own and of what is
     * gathered: [r, n], one scale after another.
     *
     * @param side what of, with queries
     * @param from first float of each
     * @param to float after the last
     * @param floats of each
     * @param out [scales, r, n]
     */
    public void rights(LeftSide side, long from, long to, long floats, MemorySegment out) {
        for (long first = from; first < to; first += TILE) {
            int count = (int) Math.min(TILE, to - first);
            int index = 0;
            for (Query query : side.queries()) {
                side.direction().fillCore(query.seed(), side.tensorId(), first, z, 0, count);
                for (float scale : query.scales()) {
                    gathered(side, first, count);
                    TileKernels.add(left, z, count, scale);
                    store(left, out, index++ * floats + first, count);
                }
            }
        }
    }

    private void gathered(LeftSide side, long first, int count) {
        if (side.gathered().isPresent()) {
            load(side.gathered().get(), first, left, count);
        } else {
            Arrays.fill(left, 0, count, 0f);
        }
    }

    /**
     * Writes what a left side needs before its rows are made, if anything: the core of each scale,
     * or of a fold, times κ.
     */
    public void cores(LeftSide side) {
        int count = side.coreFloats();
        for (int first = 0; first < count; first += TILE) {
            int part = Math.min(TILE, count - first);
            if (side.queries().isEmpty()) {
                load(side.gathered().orElseThrow(), first, left, part);
                TileKernels.scale(left, part, side.scale());
                store(left, side.cores().orElseThrow(), first, part);
            }
            int index = 0;
            for (Query query : side.queries()) {
                side.direction().fillCore(query.seed(), side.tensorId(), first, z, 0, part);
                for (float scale : query.scales()) {
                    core(side, scale, first, part);
                    long place = (long) index++ * count + first;
                    store(left, side.cores().orElseThrow(), place, part);
                }
            }
        }
    }

    private void core(LeftSide side, float scale, int first, int count) {
        gathered(side, first, count);
        TileKernels.add(left, z, count, scale);
        TileKernels.scale(left, count, side.scale());
    }

    /**
     * Writes the tile of z, [count, r], as columns of [r, stride], from a place in its first row.
     */
    private void transpose(int width, int count, MemorySegment out, long start, long stride) {
        for (int j = 0; j < width; j++) {
            for (int i = 0; i < count; i++) {
                left[i] = z[i * width + j];
            }
            store(left, out, start + j * stride, count);
        }
    }

    private static void load(MemorySegment from, long first, float[] to, int count) {
        MemorySegment.copy(from, FLOAT, first * Float.BYTES, to, 0, count);
    }

    private static void store(float[] from, MemorySegment to, long first, int count) {
        MemorySegment.copy(from, 0, to, FLOAT, first * Float.BYTES, count);
    }
}
