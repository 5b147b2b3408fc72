package io.millrace.executor.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Causal softmax attention of one head and one tile of queries, over tiles of keys with a running
 * maximum and sum: no matrix of all scores exists. One instance belongs to one worker.
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

    private final Arena arena = Arena.ofShared();
    private final MemorySegment scores; // [QUERY_TILE, KEY_TILE], then weights
    private final MemorySegment maxima; // [QUERY_TILE], over the key tiles so far
    private final MemorySegment
            factors; // [QUERY_TILE], what older tiles are worth under new maxima
    private final double[] sums = new double[QUERY_TILE];
    private boolean closed;

    /**
     * What is the same for all heads of a layer.
     *
     * @param heads query heads
     * @param kvHeads key/value heads; divides {@code heads}
     * @param headDim floats of a head
     * @param scale factor on q·k
     * @param softcap c in {@code c · tanh(score / c)}, 0 for none
     * @param window a query sees this many positions, itself included; 0 for all before it
     */
    public record Shape(
            int heads, int kvHeads, int headDim, float scale, float softcap, int window) {
        /** Checks that the heads divide. */
        public Shape {
            if (kvHeads < 1 || heads % kvHeads != 0 || headDim < 1 || window < 0) {
                throw new IllegalArgumentException(
                        "heads "
                                + heads
                                + ", key/value heads "
                                + kvHeads
                                + ", head size "
                                + headDim
                                + ", window "
                                + window);
            }
        }
    }

    /** Scratch memory for one worker, 64 KiB. */
    public Attention() {
        scores = arena.allocate((long) QUERY_TILE * KEY_TILE * Float.BYTES, 64);
        maxima = arena.allocate((long) QUERY_TILE * Float.BYTES, 64);
        factors = arena.allocate((long) QUERY_TILE * Float.BYTES, 64);
    }

    /** Work items of a head. */
    public static int queryTiles(int queryCount) {
        return Math.ceilDiv(queryCount, QUERY_TILE);
    }

    /**
     * Computes one work item: of one head, the queries {@code [tile · QUERY_TILE, …)} of a
     * sequence. Query i stands at position {@code queryStart + i} and sees keys 0 to that position.
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
            int tile) {
        if (closed) {
            throw new IllegalStateException("attention is closed");
        }
        int from = tile * QUERY_TILE;
        int rows = Math.min(QUERY_TILE, queryCount - from);
        int position = queryStart + from;
        int dim = shape.headDim();
        long kvHead = head / (shape.heads() / shape.kvHeads());
        long qAt = q.at(firstQuery + from, head);
        long outAt = out.at(firstQuery + from, head);
        int lowest = shape.window() == 0 ? 0 : Math.max(0, position - shape.window() + 1);
        int firstTile = lowest / KEY_TILE * KEY_TILE;
        int end = position + rows; // past the last key that any of these queries sees
        for (int key = firstTile; key < end; key += KEY_TILE) {
            int keys = Math.min(KEY_TILE, end - key);
            Sgemm.sgemm(
                    false,
                    true,
                    rows,
                    keys,
                    dim,
                    shape.scale(),
                    q.segment(),
                    qAt,
                    q.rowStride(),
                    k.segment(),
                    k.at(firstKey + key, kvHead),
                    k.rowStride(),
                    0,
                    scores,
                    0,
                    KEY_TILE);
            boolean first = key == firstTile;
            weigh(shape, rows, position, key, keys, first);
            if (!first) {
                rescale(out, outAt, rows, dim);
            }
            Sgemm.sgemm(
                    false,
                    false,
                    rows,
                    dim,
                    keys,
                    1,
                    scores,
                    0,
                    KEY_TILE,
                    v.segment(),
                    v.at(firstKey + key, kvHead),
                    v.rowStride(),
                    first ? 0 : 1,
                    out.segment(),
                    outAt,
                    out.rowStride());
        }
        for (int r = 0; r < rows; r++) {
            float inverse = (float) (1 / sums[r]);
            Rows.scale(inverse, out.segment(), outAt + r * out.rowStride(), dim);
        }
    }

    /** Turns a tile of scores into weights relative to the maxima so far, and adds up the sums. */
    private void weigh(Shape shape, int rows, int position, int key, int keys, boolean first) {
        int window = shape.window();
        for (int r = 0; r < rows; r++) {
            int low = window == 0 ? 0 : Math.max(0, position + r - window + 1 - key);
            int high = Math.min(keys, position + r + 1 - key);
            long row = (long) r * KEY_TILE;
            if (shape.softcap() != 0 && low < high) {
                Activations.softcap(
                        shape.softcap(), scores, row + low, scores, row + low, high - low);
            }
            float old = first ? NO_SCORE : Floats.get(maxima, r);
            float top = largest(row + low, row + high, old);
            Floats.set(maxima, r, top);
            Floats.set(factors, r, old - top);
            double sum = 0;
            if (low < high) {
                sum = exponentiate(row + low, row + high, top);
                Rows.zero(scores, row, low);
                Rows.zero(scores, row + high, keys - high);
            } else {
                Rows.zero(scores, row, keys);
            }
            if (first) {
                sums[r] = sum;
            } else {
                sums[r] = sums[r] * exp(old - top) + sum;
            }
        }
    }

    private void rescale(HeadRows out, long outAt, int rows, int dim) {
        for (int r = 0; r < rows; r++) {
            float difference = Floats.get(factors, r);
            if (difference != 0) {
                long at = outAt + r * out.rowStride();
                Rows.scale(exp(difference), out.segment(), at, dim);
            }
        }
    }

    private static float exp(float x) {
        return Lanes.exp(Lanes.broadcast(x)).lane(0);
    }

    private float largest(long from, long end, float floor) {
        FloatVector top = Lanes.broadcast(floor);
        long i = from;
        for (; i <= end - Lanes.LENGTH; i += Lanes.LENGTH) {
            top = top.max(Lanes.load(scores, i)); // a NaN stays, and so reaches the result
        }
        if (i < end) {
            VectorMask<Float> tail = Lanes.tail(i, end);
            top = top.blend(top.max(Lanes.load(scores, i, tail)), tail);
        }
        return Lanes.max(top);
    }

    private float exponentiate(long from, long end, float top) {
        FloatVector sum = FloatVector.zero(Lanes.SPECIES);
        long i = from;
        for (; i <= end - Lanes.LENGTH; i += Lanes.LENGTH) {
            FloatVector e = Lanes.exp(Lanes.load(scores, i).sub(top));
            Lanes.store(e, scores, i);
            sum = sum.add(e);
        }
        if (i < end) {
            VectorMask<Float> tail = Lanes.tail(i, end);
            FloatVector e = Lanes.exp(Lanes.load(scores, i, tail).sub(top));
            Lanes.store(e, scores, i, tail);
            sum = sum.blend(sum.add(e), tail);
        }
        return Lanes.sum(sum);
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
