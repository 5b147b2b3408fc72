package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.CheckedFloats;
import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.executor.cpu.op.RelativeScores;
import io.millrace.executor.cpu.op.RelativeScores.Side;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.Sgemm;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The way back through {@link Attention}: of one sequence and one key head, with all query heads
 * that share it. One instance belongs to one worker.
 *
 * <p>Of {@value Attention#QUERY_TILE} queries at a time, weights P are computed anew over all keys
 * that any of them sees, so no matrix of all weights exists. With dO the gradient of the context,
 * dV gains Pᵀ dO, and with dP = dO Vᵀ and D the sums of P ∘ dP over a query's keys, scores have the
 * gradient P ∘ (dP − D) (FlashAttention, arXiv 2205.14135, section 3.1 and algorithm 4). Heads come
 * in order and tiles of each in order, so sums have one order whoever computes them.
 */
public final class AttentionGradient implements AutoCloseable {
    private static final int QUERY_TILE = Attention.QUERY_TILE;

    private final int longest;
    private final long stride;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment weights; // [QUERY_TILE, stride]: products, scores, P
    private final MemorySegment changes; // [QUERY_TILE, stride]: dP, then products' gradients
    private final RelativeScores relativeScores = new RelativeScores(arena);
    private final RelativeGradient relativeGradient = new RelativeGradient(arena);
    private final double[] sinkWeights = new double[QUERY_TILE];
    private boolean closed;

    /**
     * Scores that have no value, one a query head.
     *
     * @param values of all heads
     * @param offset floats before that of head 0
     * @param gradients gets added the gradient of each, or null for nobody; a place of the
     *     sequence's own where workers share sequences
     * @param gradientsOffset floats before that of head 0
     */
    public record Sinks(
            MemorySegment values, long offset, MemorySegment gradients, long gradientsOffset) {}

    /**
     * What distances add to scores.
     *
     * @param rows as the way there reads them
     * @param keys added to: the gradient of the rows K of a distance, null where there are none
     * @param queries the same of Q
     */
    public record Relative(RelativeScores.Rows rows, HeadRows keys, HeadRows queries) {}

    /**
     * Takes tiles that stay with the caller.
     *
     * @param longest tokens of the longest sequence
     * @param tiles {@link #tileFloats} of them, from the segment's begin; on a cache line
     */
    public AttentionGradient(int longest, MemorySegment tiles) {
        this.longest = longest;
        stride = stride(longest);
        long each = QUERY_TILE * stride * Float.BYTES;
        weights = tiles.asSlice(0, each);
        changes = tiles.asSlice(each, each);
    }

    /** Floats of the tiles of one instance for sequences of up to so many tokens. */
    public static long tileFloats(int longest) {
        return 2L * QUERY_TILE * stride(longest);
    }

    private static long stride(int longest) {
        // Rows begin where cache lines do, and end behind what pads them.
        return Math.ceilDiv((long) longest, 16) * 16 + ScoreRows.PADDING;
    }

    /**
     * Computes the gradients of a key head, its value head and their query heads.
     *
     * @param shape heads, scale, what a query sees
     * @param rows queries, keys and values as {@link Attention} read them
     * @param gradContext gradient of what it wrote: head h of row r
     * @param gradients written: of each head of the sequence's rows, and nothing beside them. Where
     *     keys and values are one, their gradients add up
     * @param sinks scores without a value, or null
     * @param relative what distances add to scores, or null for nothing
     * @param first the sequence's first row, in all of these but the rows of distances
     * @param count its rows
     * @param kvHead which key head
     * @throws IllegalArgumentException if the sequence is longer than the longest
     * @throws IllegalStateException after {@link #close}
     */
    public void run(
            Attention.Shape shape,
            ProjectedHeads rows,
            HeadRows gradContext,
            ProjectedHeads gradients,
            Sinks sinks,
            Relative relative,
            long first,
            int count,
            int kvHead) {
        if (closed) {
            throw new IllegalStateException("attention gradient is closed");
        }
        if (count > longest) {
            throw new IllegalArgumentException(
                    "a sequence of " + count + " tokens, where the longest has " + longest);
        }
        for (int row = 0; row < count; row++) {
            zero(gradients.k(), first + row, kvHead, shape.headDim());
            zero(gradients.v(), first + row, kvHead, shape.valueDim());
        }
        int shared = shape.heads() / shape.kvHeads();
        for (int head = kvHead * shared; head < (kvHead + 1) * shared; head++) {
            float sink =
                    sinks == null
                            ? Float.NEGATIVE_INFINITY
                            : CheckedFloats.get(sinks.values, sinks.offset + head);
            double sinkChange = 0;
            for (int from = 0; from < count; from += QUERY_TILE) {
                sinkChange +=
                        tile(
                                shape,
                                rows,
                                gradContext,
                                gradients,
                                relative,
                                sink,
                                first,
                                count,
                                head,
                                kvHead,
                                from);
            }
            if (sinks != null && sinks.gradients != null) {
                long at = sinks.gradientsOffset + head;
                float sum = (float) (CheckedFloats.get(sinks.gradients, at) + sinkChange);
                CheckedFloats.set(sinks.gradients, at, sum);
            }
        }
    }

    private static void zero(HeadRows heads, long row, int head, int dim) {
        Rows.zero(heads.segment(), heads.at(row, head), dim);
    }

    /** Gives the gradient of the sink from the queries from one on. */
    private double tile(
            Attention.Shape shape,
            ProjectedHeads rows,
            HeadRows gradContext,
            ProjectedHeads gradients,
            Relative relative,
            float sink,
            long first,
            int count,
            int head,
            int kvHead,
            int from) {
        int queries = Math.min(QUERY_TILE, count - from);
        int key = shape.sight().first(from);
        int keys = shape.sight().end(from + queries - 1, count) - key;
        int dim = shape.headDim();
        int valueDim = shape.valueDim();
        long query = first + from;
        long keyRow = first + key;
        HeadRows q = rows.q();
        HeadRows k = rows.k();
        HeadRows v = rows.v();
        long qAt = q.at(query, head);
        long kAt = k.at(keyRow, kvHead);
        long contextAt = gradContext.at(query, head);
        Side ofQ = new Side(q.segment(), qAt, q.rowStride(), queries, from);
        Side ofK = new Side(k.segment(), kAt, k.rowStride(), keys, key);
        multiply(relative, ofQ, ofK, head, dim);
        float slope = shape.slopes().isEmpty() ? 0 : shape.slopes().get(head);
        for (int r = 0; r < queries; r++) {
            weigh(shape, slope, sink, r, from + r, key, keys, count);
        }
        long vAt = v.at(keyRow, kvHead);
        multiplyTurned(queries, keys, valueDim, gradContext, contextAt, v, vAt, changes);
        long toV = gradients.v().at(keyRow, kvHead);
        addTurned(keys, valueDim, queries, weights, gradContext, contextAt, gradients.v(), toV);
        double sinkChange = 0;
        for (int r = 0; r < queries; r++) {
            sinkChange -= change(shape, r, from + r, key, keys, count) * sinkWeights[r];
        }
        if (shape.softcap() != 0) {
            // The weights have done their work, and their place is free for the products again.
            multiply(relative, ofQ, ofK, head, dim);
            for (int r = 0; r < queries; r++) {
                throughSoftcap(shape, r, from + r, key, count);
            }
        }
        HeadRows toQ = gradients.q();
        HeadRows toK = gradients.k();
        long toQAt = toQ.at(query, head);
        long toKAt = toK.at(keyRow, kvHead);
        multiply(queries, dim, keys, k, kAt, toQ, toQAt);
        addTurned(keys, dim, queries, changes, q, qAt, toK, toKAt);
        if (relative != null) {
            relativeGradient.add(
                    relative,
                    ofQ,
                    ofK,
                    new Side(toQ.segment(), toQAt, toQ.rowStride(), queries, from),
                    new Side(toK.segment(), toKAt, toK.rowStride(), keys, key),
                    head,
                    dim,
                    changes,
                    stride);
        }
        return sinkChange;
    }

    /** Products of queries with keys, and what distances add. */
    private void multiply(Relative relative, Side q, Side k, int head, int dim) {
        Sgemm.sgemm(
                false,
                true,
                q.count(),
                k.count(),
                dim,
                1,
                q.segment(),
                q.at(),
                q.stride(),
                k.segment(),
                k.at(),
                k.stride(),
                0,
                weights,
                0,
                stride);
        if (relative != null) {
            relativeScores.add(relative.rows, q, k, head, dim, weights, stride);
        }
    }

    /** Turns a query's products into its weights, 0 for keys that it does not see. */
    private void weigh(
            Attention.Shape shape,
            float slope,
            float sink,
            int r,
            int position,
            int key,
            int keys,
            int count) {
        long row = r * stride;
        int low = shape.sight().first(position) - key;
        int high = shape.sight().end(position, count) - key;
        long from = row + low;
        long end = row + high;
        float scale = shape.scale();
        if (shape.softcap() != 0) {
            ScoreRows.cap(weights, from, end, scale, shape.softcap());
            scale = 1;
        }
        float top = ScoreRows.finish(weights, from, end, scale, slope, key + low - position);
        double sum = ScoreRows.exponentiate(weights, from, end, top);
        double sinkWeight = 0;
        if (sink != Float.NEGATIVE_INFINITY) {
            sinkWeight = StrictMath.exp((double) sink - top);
            sum += sinkWeight;
        }
        sinkWeights[r] = sinkWeight / sum;
        Rows.scale((float) (1 / sum), weights, from, high - low);
        ScoreRows.zero(weights, row, from);
        ScoreRows.zero(weights, end, row + keys);
    }

    /** Turns gradients of a query's weights into those of its products; gives its D. */
    private double change(
            Attention.Shape shape, int r, int position, int key, int keys, int count) {
        long row = r * stride;
        int low = shape.sight().first(position) - key;
        int high = shape.sight().end(position, count) - key;
        double mean = ScoreRows.dot(weights, changes, row + low, row + high);
        ScoreRows.change(weights, changes, row + low, row + high, (float) mean, shape.scale());
        ScoreRows.zero(changes, row, row + low);
        ScoreRows.zero(changes, row + high, row + keys);
        return mean;
    }

    private void throughSoftcap(Attention.Shape shape, int r, int position, int key, int count) {
        long from = r * stride + shape.sight().first(position) - key;
        long end = r * stride + shape.sight().end(position, count) - key;
        ScoreRows.throughSoftcap(weights, changes, from, end, shape.scale() / shape.softcap());
    }

    /** {@code out = x · wᵀ}, out being a tile of the scratch. */
    private void multiplyTurned(
            int m, int n, int k, HeadRows x, long xAt, HeadRows w, long wAt, MemorySegment out) {
        Sgemm.sgemm(
                false,
                true,
                m,
                n,
                k,
                1,
                x.segment(),
                xAt,
                x.rowStride(),
                w.segment(),
                wAt,
                w.rowStride(),
                0,
                out,
                0,
                stride);
    }

    /** {@code out = changes · w}. */
    private void multiply(int m, int n, int k, HeadRows w, long wAt, HeadRows out, long outAt) {
        Sgemm.sgemm(
                false,
                false,
                m,
                n,
                k,
                1,
                changes,
                0,
                stride,
                w.segment(),
                wAt,
                w.rowStride(),
                0,
                out.segment(),
                outAt,
                out.rowStride());
    }

    /** {@code out += tileᵀ · x}. */
    private void addTurned(
            int m,
            int n,
            int k,
            MemorySegment tile,
            HeadRows x,
            long xAt,
            HeadRows out,
            long outAt) {
        Sgemm.sgemm(
                true,
                false,
                m,
                n,
                k,
                1,
                tile,
                0,
                stride,
                x.segment(),
                xAt,
                x.rowStride(),
                1,
                out.segment(),
                outAt,
                out.rowStride());
    }

    /** Frees what it owns; a second call does nothing. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            arena.close();
        }
    }
}
