package io.millrace.executor.cpu.op;

import io.millrace.model.spec.RopeSpec;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Rotary position embedding, in place. The table of cosines and sines belongs to the caller: for
 * each position dims/2 cosines, then dims/2 sines, the attention factor in both.
 */
public final class Rotary {
    private Rotary() {}

    /**
     * Turns the heads of tokens [from, to): head h of token t starts at {@code offset + t ·
     * rowStride + h · headStride}.
     *
     * @param spec how many elements of a head turn
     * @param table cosines and sines of all positions
     * @param tableOffset floats before the table
     * @param tablePositions positions in the table; one outside is an IndexOutOfBoundsException
     * @param positions the position of each token
     * @param from first token
     * @param to past the last token
     * @param data rows of heads
     * @param offset floats before head 0 of token 0
     * @param rowStride floats from a token to the next
     * @param headStride floats from a head to the next
     * @param heads how many
     */
    public static void apply(
            RopeSpec spec,
            MemorySegment table,
            long tableOffset,
            int tablePositions,
            int[] positions,
            int from,
            int to,
            MemorySegment data,
            long offset,
            long rowStride,
            long headStride,
            int heads) {
        float way = 1;
        turn(
                spec,
                table,
                tableOffset,
                tablePositions,
                positions,
                from,
                to,
                data,
                offset,
                rowStride,
                headStride,
                heads,
                way);
    }

    /**
     * Makes gradients of turned heads gradients of the heads before, in place: a turn by as much
     * the other way, times the same attention factor. Parameters as of {@link #apply}.
     */
    public static void applyGradient(
            RopeSpec spec,
            MemorySegment table,
            long tableOffset,
            int tablePositions,
            int[] positions,
            int from,
            int to,
            MemorySegment gradients,
            long offset,
            long rowStride,
            long headStride,
            int heads) {
        float way = -1;
        turn(
                spec,
                table,
                tableOffset,
                tablePositions,
                positions,
                from,
                to,
                gradients,
                offset,
                rowStride,
                headStride,
                heads,
                way);
    }

    /** Turns one way or the other: way is 1 or -1, a factor on sines that rounds nothing. */
    private static void turn(
            RopeSpec spec,
            MemorySegment table,
            long tableOffset,
            int tablePositions,
            int[] positions,
            int from,
            int to,
            MemorySegment data,
            long offset,
            long rowStride,
            long headStride,
            int heads,
            float way) {
        int half = spec.dims() / 2;
        for (int t = from; t < to; t++) {
            long position = Objects.checkIndex(positions[t], tablePositions);
            long cosines = tableOffset + position * spec.dims();
            for (int head = 0; head < heads; head++) {
                long at = offset + t * rowStride + head * headStride;
                if (spec.neighbours()) {
                    turnNeighbours(table, cosines, half, data, at, way);
                } else {
                    turnHalves(table, cosines, half, data, at, way);
                }
            }
        }
    }

    private static void turnNeighbours(
            MemorySegment table, long cosines, int half, MemorySegment data, long at, float way) {
        for (int i = 0; i < half; i++) {
            float cos = CheckedFloats.get(table, cosines + i);
            float sin = way * CheckedFloats.get(table, cosines + half + i);
            long pair = at + 2L * i;
            float a = CheckedFloats.get(data, pair);
            float b = CheckedFloats.get(data, pair + 1);
            CheckedFloats.set(data, pair, a * cos - b * sin);
            CheckedFloats.set(data, pair + 1, b * cos + a * sin);
        }
    }

    private static void turnHalves(
            MemorySegment table, long cosines, int half, MemorySegment data, long at, float way) {
        int i = 0;
        for (; i <= half - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector cos = VectorLanes.load(table, cosines + i);
            FloatVector sin = VectorLanes.load(table, cosines + half + i).mul(way);
            FloatVector a = VectorLanes.load(data, at + i);
            FloatVector b = VectorLanes.load(data, at + half + i);
            VectorLanes.store(a.mul(cos).sub(b.mul(sin)), data, at + i);
            VectorLanes.store(b.mul(cos).add(a.mul(sin)), data, at + half + i);
        }
        if (i < half) {
            VectorMask<Float> tail = VectorLanes.tail(i, half);
            FloatVector cos = VectorLanes.load(table, cosines + i, tail);
            FloatVector sin = VectorLanes.load(table, cosines + half + i, tail).mul(way);
            FloatVector a = VectorLanes.load(data, at + i, tail);
            FloatVector b = VectorLanes.load(data, at + half + i, tail);
            VectorLanes.store(a.mul(cos).sub(b.mul(sin)), data, at + i, tail);
            VectorLanes.store(b.mul(cos).add(a.mul(sin)), data, at + half + i, tail);
        }
    }
}
