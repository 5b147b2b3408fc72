package io.millrace.executor.cpu.op;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Softmax attention of one head and one tile of queries, over tiles of keys with a running maximum
 * and sum: no matrix of all scores exists. One instance belongs to one worker.
 *
 * <p>Key tiles lie on multiples of {@value #KEY_TILE} from key 0, and query tiles on multiples of
 * {@value #QUERY_TILE} from the first query, whoever computes them.
 */
public final class Attention implements AutoCloseable {
    /** Queries of one work item. */
    public static final int QUERY_TILE = 64;

    private static final int KEY_TILE = 256;

    // Below any score, yet finite, so that differences of maxima are never NaN.
    private static final float NO_SCORE = -1e30f;

    private final Gemm gemm;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment scores; // [QUERY_TILE, KEY_TILE], then weights
    private final MemorySegment maxima; // [QUERY_TILE], over the key tiles so far
    private final MemorySegment
            factors; // [QUERY_TILE], what older tiles are worth under new maxima
    private final RelativeScores relativeScores = new RelativeScores(arena);
    private final double[] sums = new double[QUERY_TILE];
    private boolean closed;

    /**
     * What is the same for all heads of a layer.
     *
     * @param heads query heads
     * @param kvHeads key/value heads; divides {@code heads}
     * @param headDim floats of a query or key head
     * @param valueDim floats of a value, and of a head's result
     * @param scale factor on q·k
     * @param softcap c in {@code c · tanh(score / c)}, 0 for none
     * @param sight which positions a query sees
     * @param slopes of each head: what a score loses for each position between; empty for nothing
     */
    public record Shape(
            int heads,
            int kvHeads,
            int headDim,
            int valueDim,
            float scale,
            float softcap,
            Sight sight,
            List<Float> slopes) {
        /** Heads whose scores lose nothing, of a text that goes on. */
        public Shape(int heads, int kvHeads, int headDim, float scale, float softcap, int window) {
            this(heads, kvHeads, headDim, headDim, scale, softcap, new Sight(window, 0), List.of());
        }

        /** Checks that the heads divide. */
        public Shape {
            if (kvHeads < 1 || heads % kvHeads != 0 || headDim < 1 || valueDim < 1) {
                throw new IllegalArgumentException(
                        "heads "
                                + heads
                                + ", key/value heads "
                                + kvHeads
                                + ", head sizes "
                                + headDim
                                + " and "
                                + valueDim);
            }
        }
    }

    /**
     * Which positions a query sees.
     *
     * @param window so many up to its own; 0 for all before it
     * @param ahead how many behind its own: 0 of a text that goes on, up to all of them
     */
    public record Sight(int window, int ahead) {
        /** Checks that it sees itself. */
        public Sight {
            if (window < 0 || ahead < 0) {
                throw new IllegalArgumentException("window " + window + ", ahead " + ahead);
            }
        }

        /** The first position that a query sees. */
        public int first(int position) {
            return window == 0 ? 0 : Math.max(0, position - window + 1);
        }

        /** Past the last position that a query sees, of so many. */
        public int end(int position, int positions) {
            return (int) Math.min(positions, (long) position + 1 + ahead);
        }
    }

    /**
     * Scratch memory for one worker, 128 KiB.
     *
     * @param gemm the same worker's products
     */
    public Attention(Gemm gemm) {
        this.gemm = gemm;
        scores = arena.allocate((long) QUERY_TILE * KEY_TILE * Float.BYTES, 64);
        maxima = arena.allocate((long) QUERY_TILE * Float.BYTES, 64);
        factors = arena.allocate((long) QUERY_TILE * Float.BYTES, 64);
    }

    /** Work items of a head. */
    public static int queryTiles(int queryCount) {
        return Math.ceilDiv(queryCount, QUERY_TILE);
    }

    /** The same without a score that has no value. */
    public void run(
            Shape shape,
            HeadRows q,
            long firstQuery,
            HeadRows k,
            HeadRows v,
            long firstKey,
            HeadRows out,
            int queryStart,
            int queryCount,
            int head,
            int tile) {
        float none = Float.NEGATIVE_INFINITY;
        run(shape, q, firstQuery, k, v, firstKey, out, queryStart, queryCount, head, tile, none);
    }

    /**
     * Computes one work item: of one head, the queries {@code [tile · QUERY_TILE, …)} of a
     * sequence. Query i stands at position {@code queryStart + i} and sees the keys that the shape
     * says.
     *
     * @param shape heads, scale, window
     * @param q queries
     * @param firstQuery row of the sequence's query 0 in q, and in out
     * @param k keys
     * @param v values
     * @param firstKey row of the sequence's key 0 in k and v
     * @param out where head h's result goes; only written
     * @param queryStart position of query 0: how many keys a cache holds already
     * @param queryCount queries of the sequence
     * @param head which query head
     * @param tile which tile of queries
     * @param sink a score that counts in the sum and has no value; negative infinity for none
     */
    public void run(
            Shape shape,
            HeadRows q,
            long firstQuery,
            HeadRows k,
            HeadRows v,
            long firstKey,
            HeadRows out,
            int queryStart,
            int queryCount,
            int head,
            int tile,
            float sink) {
        run(
                shape,
                q,
                firstQuery,
                k,
                v,
                firstKey,
                out,
                null,
                queryStart,
                queryCount,
                head,
                tile,
                sink);
    }

    /**
     * The same where distance adds to scores before they are scaled.
     *
     * @param relative what it adds, or null for nothing
     */
    public void run(
            Shape shape,
            HeadRows q,
            long firstQuery,
            HeadRows k,
            HeadRows v,
            long firstKey,
            HeadRows out,
            RelativeScores.Rows relative,
            int queryStart,
            int queryCount,
            int head,
            int tile,
            float sink) {
        if (closed) {
            throw new IllegalStateException("attention is closed");
        }
        int from = tile * QUERY_TILE;
        int rows = Math.min(QUERY_TILE, queryCount - from);
        int position = queryStart + from;
        int dim = shape.headDim();
        int valueDim = shape.valueDim();
        long kvHead = head / (shape.heads() / shape.kvHeads());
        long qAt = q.at(firstQuery + from, head);
        long outAt = out.at(firstQuery + from, head);
        int firstTile = shape.sight().first(position) / KEY_TILE * KEY_TILE;
        // Past the last key that any of these queries sees.
        int end = shape.sight().end(position + rows - 1, queryStart + queryCount);
        RelativeScores.Side queries =
                new RelativeScores.Side(q.segment(), qAt, q.rowStride(), rows, position);
        for (int key = firstTile; key < end; key += KEY_TILE) {
            int keys = Math.min(KEY_TILE, end - key);
            multiply(
                    rows,
                    keys,
                    dim,
                    q.segment(),
                    qAt,
                    q.rowStride(),
                    k.segment(),
                    k.at(firstKey + key, kvHead),
                    k.rowStride(),
                    false,
                    false,
                    scores,
                    0,
                    KEY_TILE);
            RelativeScores.Side some =
                    new RelativeScores.Side(
                            k.segment(), k.at(firstKey + key, kvHead), k.rowStride(), keys, key);
            relativeScores.add(relative, queries, some, head, dim, scores, KEY_TILE);
            boolean first = key == firstTile;
            float slope = shape.slopes().isEmpty() ? 0 : shape.slopes().get(head);
            weigh(shape, slope, rows, position, key, keys, first);
            if (!first) {
                rescale(out, outAt, rows, valueDim);
            }
            multiply(
                    rows,
                    valueDim,
                    keys,
                    scores,
                    0,
                    KEY_TILE,
                    v.segment(),
                    v.at(firstKey + key, kvHead),
                    v.rowStride(),
                    true,
                    !first,
                    out.segment(),
                    outAt,
                    out.rowStride());
        }
        divide(out, outAt, rows, valueDim, sink);
    }

    /** Divides each query's row by the sum of its weights. */
    private void divide(HeadRows out, long outAt, int rows, int valueDim, float sink) {
        for (int r = 0; r < rows; r++) {
            double sum = sums[r];
            if (sink != Float.NEGATIVE_INFINITY) {
                sum += StrictMath.exp((double) sink - CheckedFloats.get(maxima, r));
            }
            Rows.scale((float) (1 / sum), out.segment(), outAt + r * out.rowStride(), valueDim);
        }
    }

    /**
     * {@code y = x · w} or {@code y += x · w}: whole tiles by a kernel compiled for their shape,
     * others, which may have any shape, by one for all.
     */
    private void multiply(
            int m,
            int n,
            int k,
            MemorySegment x,
            long xOffset,
            long ldx,
            MemorySegment w,
            long wOffset,
            long ldw,
            boolean inputMajor,
            boolean accumulate,
            MemorySegment y,
            long yOffset,
            long ldy) {
        int keys = inputMajor ? k : n;
        if (m == QUERY_TILE && keys % QUERY_TILE == 0) {
            gemm.multiply(
                    m,
                    n,
                    k,
                    x,
                    xOffset,
                    ldx,
                    w,
                    wOffset,
                    ldw,
                    inputMajor,
                    null,
                    0,
                    accumulate,
                    y,
                    yOffset,
                    ldy);
        } else {
            Sgemm.sgemm(
                    false,
                    !inputMajor,
                    m,
                    n,
                    k,
                    1,
                    x,
                    xOffset,
                    ldx,
                    w,
                    wOffset,
                    ldw,
                    accumulate ? 1 : 0,
                    y,
                    yOffset,
                    ldy);
        }
    }

    /** Turns a tile of scores into weights relative to the maxima so far, and adds up the sums. */
    private void weigh(
            Shape shape, float slope, int rows, int position, int key, int keys, boolean first) {
        for (int r = 0; r < rows; r++) {
            int low = Math.max(0, shape.sight().first(position + r) - key);
            int high = shape.sight().end(position + r, key + keys) - key;
            long row = (long) r * KEY_TILE;
            float old = first ? NO_SCORE : CheckedFloats.get(maxima, r);
            float top = old;
            if (low < high) {
                if (shape.softcap() != 0) {
                    Rows.scale(shape.scale(), scores, row + low, high - low);
                    Activations.softcap(
                            shape.softcap(), scores, row + low, scores, row + low, high - low);
                }
                clip(row, low, high);
                float scale = shape.softcap() == 0 ? shape.scale() : 1;
                long from = row + floor(low);
                long end = row + floor(high + VectorLanes.LENGTH - 1);
                top =
                        slope == 0
                                ? scale(from, end, scale, old)
                                : scale(
                                        from,
                                        end,
                                        scale,
                                        slope,
                                        key + floor(low) - position - r,
                                        old);
            }
            CheckedFloats.set(maxima, r, top);
            CheckedFloats.set(factors, r, old - top);
        }
        for (int r = 0;
                r < rows;
                r += VectorLanes.LENGTH) { // the rows past the last are never read
            VectorLanes.store(VectorLanes.expUpTo0(VectorLanes.load(factors, r)), factors, r);
        }
        for (int r = 0; r < rows; r++) {
            int low = Math.max(0, shape.sight().first(position + r) - key);
            int high = shape.sight().end(position + r, key + keys) - key;
            long row = (long) r * KEY_TILE;
            if (low >= high) {
                Rows.zero(scores, row, keys);
                sums[r] = first ? 0 : sums[r];
                continue;
            }
            int from = floor(low);
            int end = floor(high + VectorLanes.LENGTH - 1);
            double sum = exponentiate(row + from, row + end, CheckedFloats.get(maxima, r));
            sums[r] = first ? sum : sums[r] * CheckedFloats.get(factors, r) + sum;
            Rows.zero(scores, row, from);
            Rows.zero(scores, row + end, Math.max(0, keys - end));
        }
    }

    private static int floor(int column) {
        return column & -VectorLanes.LENGTH;
    }

    /** Hides the scores outside [low, high) in the vectors that straddle its ends. */
    private void clip(long row, int low, int high) {
        if (low != floor(low)) {
            long at = row + floor(low);
            VectorMask<Float> seen = VectorLanes.tail(floor(low), low).not();
            VectorLanes.store(
                    VectorLanes.broadcast(NO_SCORE).blend(VectorLanes.load(scores, at), seen),
                    scores,
                    at);
        }
        if (high != floor(high)) {
            long at = row + floor(high);
            VectorMask<Float> seen = VectorLanes.tail(floor(high), high);
            VectorLanes.store(
                    VectorLanes.broadcast(NO_SCORE).blend(VectorLanes.load(scores, at), seen),
                    scores,
                    at);
        }
    }

    private void rescale(HeadRows out, long outAt, int rows, int dim) {
        for (int r = 0; r < rows; r++) {
            float factor = CheckedFloats.get(factors, r);
            if (factor != 1) {
                Rows.scale(factor, out.segment(), outAt + r * out.rowStride(), dim);
            }
        }
    }

    /** Scales some scores, and gives the largest of them and the floor. */
    private float scale(long from, long end, float scale, float floor) {
        FloatVector top = VectorLanes.broadcast(floor);
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            FloatVector scaled = VectorLanes.load(scores, i).mul(scale);
            VectorLanes.store(scaled, scores, i);
            top = VectorLanes.larger(top, scaled); // skips a NaN, which its exp will show
        }
        return VectorLanes.max(top);
    }

    /**
     * The same, less what distance takes.
     *
     * @param distance position of the first score's key, less the query's
     */
    private float scale(long from, long end, float scale, float slope, int distance, float floor) {
        FloatVector top = VectorLanes.broadcast(floor);
        FloatVector bias = VectorLanes.counting(distance).mul(slope);
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            FloatVector biased = VectorLanes.load(scores, i).mul(scale).add(bias);
            VectorLanes.store(biased, scores, i);
            top = VectorLanes.larger(top, biased);
            distance += VectorLanes.LENGTH;
            bias = VectorLanes.counting(distance).mul(slope);
        }
        return VectorLanes.max(top);
    }

    private float exponentiate(long from, long end, float top) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(scores, i).sub(top));
            VectorLanes.store(e, scores, i);
            sum = sum.add(e);
        }
        return VectorLanes.sum(sum);
    }

    /** Frees the scratch memory; a second call does nothing. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            arena.close();
        }
    }
}
