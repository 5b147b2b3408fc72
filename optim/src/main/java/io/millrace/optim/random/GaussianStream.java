package io.millrace.optim.random;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;

import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Standard normal values out of Philox words, by Box and Muller, in float32 operations that every
 * device has: conversion, addition, multiplication, fused multiply-add and square root, each
 * rounded to nearest even. {@link GaussianScalar} is the same, one value at a time, and serves the
 * ends of a range; docs/arithmetic.md writes the operations out.
 *
 * <p>Batches of blocks pass four stages, in place: two halves of Philox, then radii, then the
 * turned values. In one compilation the four would exceed the graph that C2 is willing to inline,
 * and the vectors would become objects; several receivers at one call site keep them apart. For the
 * same reason this class is not instrumented for coverage.
 *
 * <p>A 64-bit lane carries one Philox block, since the generator needs 32×32→64-bit products. For
 * the float part, the low half of a lane holds the first pair (w0, w1) of its block and the high
 * half the second (w2, w3). Even lanes hold the batch's first half of blocks, odd lanes its second:
 * so two swaps and two blends bring the values to memory order.
 */
public final class GaussianStream {
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final int LANES = FLOATS.length();
    private static final int BATCH = 2 * LANES; // values

    // The stages over at most this many values stay in the first-level cache.
    private static final int CHUNK = 4096;

    private static final long LOW = 0xFFFFFFFFL;
    private static final LongVector BLOCK_OF_LANE = blockOfLane();
    private static final VectorShuffle<Long> SWAP = VectorShuffle.fromOp(LONGS, lane -> lane ^ 1);
    private static final VectorMask<Long> ODD =
            VectorMask.fromLong(LONGS, 0xAAAAAAAAAAAAAAAAL >>> (64 - Math.min(64, LONGS.length())));

    private static final Stage[] STAGES = {
        new FirstRounds(), new LastRounds(), new Radii(), new Turns()
    };

    private GaussianStream() {}

    /** One pass over whole batches in {@code z}, from {@code start} to {@code end}. */
    private interface Stage {
        void run(
                int stream,
                long seed,
                int tensorId,
                long firstBlock,
                float[] z,
                int start,
                int end);
    }

    private static LongVector blockOfLane() {
        long[] blocks = new long[LONGS.length()];
        for (int lane = 0; lane < blocks.length; lane++) {
            blocks[lane] = lane / 2 + (lane % 2) * (blocks.length / 2L);
        }
        return LongVector.fromArray(LONGS, blocks, 0);
    }

    /**
     * Writes consecutive values of a stream.
     *
     * @param stream the last counter word
     * @param seed the key
     * @param tensorId the third counter word
     * @param firstElement any value ≥ 0
     * @param z receives the values
     * @param offset first index written
     * @param count how many
     */
    public static void fill(
            int stream,
            long seed,
            int tensorId,
            long firstElement,
            float[] z,
            int offset,
            int count) {
        Objects.checkFromIndexSize(offset, count, z.length);
        int at = offset;
        int end = offset + count;
        long element = firstElement;
        int head = (int) Math.min(count, -element & 3);
        GaussianScalar.fill(stream, seed, tensorId, element, z, at, head);
        at += head;
        element += head;
        while (end - at >= BATCH) {
            int values = Math.min(CHUNK, (end - at) / BATCH * BATCH);
            batches(stream, seed, tensorId, element, z, at, values);
            at += values;
            element += values;
        }
        int rest = (end - at) & ~3;
        if (rest > 0 && at - offset - head >= BATCH) {
            // Some values of the last batch are there already: they come out the same.
            int back = BATCH - rest;
            batches(stream, seed, tensorId, element - back, z, at - back, BATCH);
            at += rest;
            element += rest;
        }
        GaussianScalar.fill(stream, seed, tensorId, element, z, at, end - at);
    }

    private static void batches(
            int stream, long seed, int tensorId, long element, float[] z, int at, int values) {
        if (element >>> 34 != (element + values - 1) >>> 34) {
            // Blocks on both sides of 2³² differ in the counter's second word.
            GaussianScalar.fill(stream, seed, tensorId, element, z, at, values);
            return;
        }
        for (Stage stage : STAGES) {
            stage.run(stream, seed, tensorId, element >>> 2, z, at, at + values);
        }
    }

    /**
     * Rounds 1 to 5 of ten. Rounds are written out, without helpers of our own: then their calls
     * are only intrinsics, which C2 inlines however large the method, and the keys stay in
     * registers.
     *
     * <p>The counter's upper words are the same in all lanes. So round 1 multiplies one vector, and
     * what it makes of the others are constants that round 2 begins with.
     */
    private static final class FirstRounds implements Stage {
        @Override
        public void run(
                int stream,
                long seed,
                int tensorId,
                long firstBlock,
                float[] z,
                int start,
                int end) {
            long key0 = seed & LOW;
            long key1 = seed >>> 32;
            long a1 = key0 + 1L * Philox4x32.WEYL_0;
            long b1 = key1 + 1L * Philox4x32.WEYL_1;
            long a2 = key0 + 2L * Philox4x32.WEYL_0;
            long b2 = key1 + 2L * Philox4x32.WEYL_1;
            long a3 = key0 + 3L * Philox4x32.WEYL_0;
            long b3 = key1 + 3L * Philox4x32.WEYL_1;
            long a4 = key0 + 4L * Philox4x32.WEYL_0;
            long b4 = key1 + 4L * Philox4x32.WEYL_1;
            long constant = (tensorId & LOW) * Philox4x32.MULTIPLIER_1;
            long mixed = (constant >>> 32) ^ (firstBlock >>> 32) ^ key0;
            long product = (mixed & LOW) * Philox4x32.MULTIPLIER_0;
            long fourth = (stream & LOW) ^ key1;
            long third = (product >>> 32) ^ b1;
            long block = firstBlock;
            for (int at = start; at < end; at += BATCH, block += LONGS.length()) {
                LongVector p = BLOCK_OF_LANE.add(block).and(LOW).mul(Philox4x32.MULTIPLIER_0);
                LongVector x2 = p.lanewise(LSHR, 32).lanewise(XOR, fourth);
                LongVector q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                LongVector x0 = q.lanewise(LSHR, 32).lanewise(XOR, constant).lanewise(XOR, a1);
                LongVector x1 = q;
                x2 = p.lanewise(XOR, third);
                LongVector x3 = LongVector.broadcast(LONGS, product);
                p = x0.and(LOW).mul(Philox4x32.MULTIPLIER_0);
                q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                x0 = q.lanewise(LSHR, 32).lanewise(XOR, x1).lanewise(XOR, a2);
                x2 = p.lanewise(LSHR, 32).lanewise(XOR, x3).lanewise(XOR, b2);
                x1 = q;
                x3 = p;
                p = x0.and(LOW).mul(Philox4x32.MULTIPLIER_0);
                q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                x0 = q.lanewise(LSHR, 32).lanewise(XOR, x1).lanewise(XOR, a3);
                x2 = p.lanewise(LSHR, 32).lanewise(XOR, x3).lanewise(XOR, b3);
                x1 = q;
                x3 = p;
                p = x0.and(LOW).mul(Philox4x32.MULTIPLIER_0);
                q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                x0 = q.lanewise(LSHR, 32).lanewise(XOR, x1).lanewise(XOR, a4);
                x2 = p.lanewise(LSHR, 32).lanewise(XOR, x3).lanewise(XOR, b4);
                x1 = q;
                x3 = p;
                x0.and(LOW).or(x2.lanewise(LSHL, 32)).reinterpretAsFloats().intoArray(z, at);
                x1.and(LOW)
                        .or(x3.lanewise(LSHL, 32))
                        .reinterpretAsFloats()
                        .intoArray(z, at + LANES);
            }
        }
    }

    /** Rounds 6 to 10: each batch then is a vector of words for radii and one for angles. */
    private static final class LastRounds implements Stage {
        @Override
        public void run(
                int stream,
                long seed,
                int tensorId,
                long firstBlock,
                float[] z,
                int start,
                int end) {
            long key0 = seed & LOW;
            long key1 = seed >>> 32;
            long a5 = key0 + 5L * Philox4x32.WEYL_0;
            long b5 = key1 + 5L * Philox4x32.WEYL_1;
            long a6 = key0 + 6L * Philox4x32.WEYL_0;
            long b6 = key1 + 6L * Philox4x32.WEYL_1;
            long a7 = key0 + 7L * Philox4x32.WEYL_0;
            long b7 = key1 + 7L * Philox4x32.WEYL_1;
            long a8 = key0 + 8L * Philox4x32.WEYL_0;
            long b8 = key1 + 8L * Philox4x32.WEYL_1;
            long a9 = key0 + 9L * Philox4x32.WEYL_0;
            long b9 = key1 + 9L * Philox4x32.WEYL_1;
            for (int at = start; at < end; at += BATCH) {
                LongVector x0 = FloatVector.fromArray(FLOATS, z, at).reinterpretAsLongs();
                LongVector x1 = FloatVector.fromArray(FLOATS, z, at + LANES).reinterpretAsLongs();
                LongVector x2 = x0.lanewise(LSHR, 32);
                LongVector x3 = x1.lanewise(LSHR, 32);
                LongVector p;
                LongVector q;
                p = x0.and(LOW).mul(Philox4x32.MULTIPLIER_0);
                q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                x0 = q.lanewise(LSHR, 32).lanewise(XOR, x1).lanewise(XOR, a5);
                x2 = p.lanewise(LSHR, 32).lanewise(XOR, x3).lanewise(XOR, b5);
                x1 = q;
                x3 = p;
                p = x0.and(LOW).mul(Philox4x32.MULTIPLIER_0);
                q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                x0 = q.lanewise(LSHR, 32).lanewise(XOR, x1).lanewise(XOR, a6);
                x2 = p.lanewise(LSHR, 32).lanewise(XOR, x3).lanewise(XOR, b6);
                x1 = q;
                x3 = p;
                p = x0.and(LOW).mul(Philox4x32.MULTIPLIER_0);
                q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                x0 = q.lanewise(LSHR, 32).lanewise(XOR, x1).lanewise(XOR, a7);
                x2 = p.lanewise(LSHR, 32).lanewise(XOR, x3).lanewise(XOR, b7);
                x1 = q;
                x3 = p;
                p = x0.and(LOW).mul(Philox4x32.MULTIPLIER_0);
                q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                x0 = q.lanewise(LSHR, 32).lanewise(XOR, x1).lanewise(XOR, a8);
                x2 = p.lanewise(LSHR, 32).lanewise(XOR, x3).lanewise(XOR, b8);
                x1 = q;
                x3 = p;
                p = x0.and(LOW).mul(Philox4x32.MULTIPLIER_0);
                q = x2.and(LOW).mul(Philox4x32.MULTIPLIER_1);
                x0 = q.lanewise(LSHR, 32).lanewise(XOR, x1).lanewise(XOR, a9);
                x2 = p.lanewise(LSHR, 32).lanewise(XOR, x3).lanewise(XOR, b9);
                x1 = q;
                x3 = p;
                x0.and(LOW).or(x2.lanewise(LSHL, 32)).reinterpretAsFloats().intoArray(z, at);
                x1.and(LOW)
                        .or(x3.lanewise(LSHL, 32))
                        .reinterpretAsFloats()
                        .intoArray(z, at + LANES);
            }
        }
    }

    /** √(−2 ln u) with u = (w + 0.5) / 2³², in place of each first vector. */
    private static final class Radii implements Stage {
        @Override
        public void run(
                int stream,
                long seed,
                int tensorId,
                long firstBlock,
                float[] z,
                int start,
                int end) {
            for (int at = start; at < end; at += BATCH) {
                FloatVector word = FloatVector.fromArray(FLOATS, z, at);
                radius(word.reinterpretAsInts()).intoArray(z, at);
            }
        }
    }

    /** Turns each radius by its angle and puts the values in order of elements. */
    private static final class Turns implements Stage {
        @Override
        public void run(
                int stream,
                long seed,
                int tensorId,
                long firstBlock,
                float[] z,
                int start,
                int end) {
            for (int at = start; at < end; at += BATCH) {
                FloatVector radius = FloatVector.fromArray(FLOATS, z, at);
                IntVector word = FloatVector.fromArray(FLOATS, z, at + LANES).reinterpretAsInts();
                IntVector turned = word.add(1 << 29); // quarter turns in bits 30 and 31
                FloatVector x = eighths(word);
                FloatVector square = x.mul(x);
                FloatVector sine = x.mul(sine(square));
                FloatVector cosine = cosine(square);
                VectorMask<Float> odd =
                        turned.and(1 << 30).compare(VectorOperators.NE, 0).cast(FLOATS);
                LongVector first = product(radius, cosine.blend(sine, odd), turned.add(1 << 30));
                LongVector second = product(radius, sine.blend(cosine, odd), turned);
                LongVector low = first.and(LOW).or(second.lanewise(LSHL, 32));
                LongVector high = first.lanewise(LSHR, 32).or(second.and(~LOW));
                low.blend(high.rearrange(SWAP), ODD).reinterpretAsFloats().intoArray(z, at);
                low.rearrange(SWAP).blend(high, ODD).reinterpretAsFloats().intoArray(z, at + LANES);
            }
        }
    }

    private static FloatVector radius(IntVector word) {
        FloatVector signed = toFloat(word).add(0.5f);
        FloatVector scaled = signed.add(0x1p32f, signed.compare(VectorOperators.LT, 0f)); // u · 2³²
        IntVector bits = scaled.reinterpretAsInts().sub(GaussianConstants.SPLIT);
        IntVector exponent = bits.lanewise(VectorOperators.ASHR, 23);
        // Near u = 1 a float cannot hold u, but w − 2³² + 0.5, the signed reading, gives u − 1.
        FloatVector f =
                bits.and(0x007FFFFF)
                        .add(GaussianConstants.SQRT_HALF_BITS)
                        .reinterpretAsFloats()
                        .sub(1f)
                        .blend(
                                signed.mul(0x1p-32f),
                                exponent.compare(VectorOperators.EQ, 0).cast(FLOATS));
        FloatVector sum = constant(GaussianConstants.LOG_7);
        sum = sum.fma(f, constant(GaussianConstants.LOG_6));
        sum = sum.fma(f, constant(GaussianConstants.LOG_5));
        sum = sum.fma(f, constant(GaussianConstants.LOG_4));
        sum = sum.fma(f, constant(GaussianConstants.LOG_3));
        sum = sum.fma(f, constant(GaussianConstants.LOG_2));
        sum = sum.fma(f, constant(GaussianConstants.LOG_1));
        sum = sum.fma(f, constant(GaussianConstants.LOG_0));
        sum = sum.fma(f, constant(1f));
        sum = sum.fma(f, constant(-2f));
        return toFloat(exponent)
                .fma(constant(GaussianConstants.MINUS_TWO_LN_2), sum.mul(f))
                .lanewise(VectorOperators.SQRT);
    }

    /** The angle from the nearest quarter turn, as a fraction of an eighth of a turn. */
    private static FloatVector eighths(IntVector word) {
        IntVector remainder = word.lanewise(LSHL, 2).lanewise(VectorOperators.ASHR, 2);
        return toFloat(remainder).add(0.5f).mul(0x1p-29f);
    }

    private static FloatVector sine(FloatVector square) {
        FloatVector sum = constant(GaussianConstants.SIN_3);
        sum = sum.fma(square, constant(GaussianConstants.SIN_2));
        sum = sum.fma(square, constant(GaussianConstants.SIN_1));
        return sum.fma(square, constant(GaussianConstants.SIN_0));
    }

    private static FloatVector cosine(FloatVector square) {
        FloatVector sum = constant(GaussianConstants.COS_4);
        sum = sum.fma(square, constant(GaussianConstants.COS_3));
        sum = sum.fma(square, constant(GaussianConstants.COS_2));
        sum = sum.fma(square, constant(GaussianConstants.COS_1));
        return sum.fma(square, constant(1f));
    }

    /** The product, negated where the highest bit of {@code sign} is set. */
    private static LongVector product(FloatVector radius, FloatVector factor, IntVector sign) {
        return radius.mul(factor)
                .reinterpretAsInts()
                .lanewise(XOR, sign.and(Integer.MIN_VALUE))
                .reinterpretAsLongs();
    }

    private static FloatVector toFloat(IntVector v) {
        return (FloatVector) v.convert(VectorOperators.I2F, 0);
    }

    private static FloatVector constant(float value) {
        return FloatVector.broadcast(FLOATS, value);
    }
}
