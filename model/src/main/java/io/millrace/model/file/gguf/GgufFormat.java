package io.millrace.model.file.gguf;

import io.millrace.memory.UnitFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The quantised types of GGUF that are read: units of 32 or 256 weights of a row with their scales,
 * as ggml's headers lay them out. Products and sums are float32, each rounded, in ggml's order.
 */
public enum GgufFormat implements UnitFormat {
    /** A scale and 32 codes of 4 bits, less 8. */
    Q4_0(32, 18) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scale = half(bytes, at);
            for (int i = 0; i < 16; i += LANES) {
                IntVector codes = octets(bytes, at + 2 + i);
                floats(codes.and(15).sub(8)).mul(scale).intoArray(values, to + i);
                floats(down(codes, 4).sub(8)).mul(scale).intoArray(values, to + 16 + i);
            }
        }
    },
    /** A scale, a least value and 32 codes of 4 bits. */
    Q4_1(32, 20) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scale = half(bytes, at);
            float least = half(bytes, at + 2);
            for (int i = 0; i < 16; i += LANES) {
                IntVector codes = octets(bytes, at + 4 + i);
                floats(codes.and(15)).mul(scale).add(least).intoArray(values, to + i);
                floats(down(codes, 4)).mul(scale).add(least).intoArray(values, to + 16 + i);
            }
        }
    },
    /** A scale, 32 high bits and 32 codes of 4 bits, less 16. */
    Q5_0(32, 22) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scale = half(bytes, at);
            int high = bytes.get(INT, at + 2);
            for (int i = 0; i < 16; i += LANES) {
                IntVector codes = octets(bytes, at + 6 + i);
                IntVector low = codes.and(15).or(fifth(high >>> i));
                IntVector other = down(codes, 4).or(fifth(high >>> (16 + i)));
                floats(low.sub(16)).mul(scale).intoArray(values, to + i);
                floats(other.sub(16)).mul(scale).intoArray(values, to + 16 + i);
            }
        }
    },
    /** A scale and 32 integers of 8 bits. */
    Q8_0(32, 34) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scale = half(bytes, at);
            for (int i = 0; i < 32; i += LANES) {
                // As bytes with a sign.
                IntVector code = octets(bytes, at + 2 + i).lanewise(VectorOperators.LSHL, 24);
                floats(code.lanewise(VectorOperators.ASHR, 24))
                        .mul(scale)
                        .intoArray(values, to + i);
            }
        }
    },
    /** Eight groups of 32 codes of 4 bits, each with a scale and a least value of 6 bits. */
    Q4_K(256, 144) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scales = half(bytes, at);
            float leasts = half(bytes, at + 2);
            for (int group = 0; group < 8; group++) {
                float scale = scales * scale(bytes, at + 4, group);
                float least = leasts * least(bytes, at + 4, group);
                for (int i = 0; i < 32; i += LANES) {
                    IntVector codes = octets(bytes, at + 16 + group / 2 * 32L + i);
                    floats(down(codes, 4 * (group & 1)).and(15))
                            .mul(scale)
                            .sub(least)
                            .intoArray(values, to + 32 * group + i);
                }
            }
        }
    },
    /** The same of 5 bits, the fifth apart. */
    Q5_K(256, 176) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scales = half(bytes, at);
            float leasts = half(bytes, at + 2);
            for (int group = 0; group < 8; group++) {
                float scale = scales * scale(bytes, at + 4, group);
                float least = leasts * least(bytes, at + 4, group);
                for (int i = 0; i < 32; i += LANES) {
                    IntVector codes = octets(bytes, at + 48 + group / 2 * 32L + i);
                    IntVector fifth = down(octets(bytes, at + 16 + i), group).and(1);
                    floats(down(codes, 4 * (group & 1)).and(15).or(up(fifth, 4)))
                            .mul(scale)
                            .sub(least)
                            .intoArray(values, to + 32 * group + i);
                }
            }
        }
    },
    /** Sixteen groups of 16 codes of 6 bits, less 32, each with a scale of 8 bits. */
    Q6_K(256, 210) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float all = half(bytes, at + 208);
            for (int eighth = 0; eighth < 8; eighth++) {
                int quarter = eighth & 3;
                long codes = at + 64L * (eighth >>> 2) + 32L * (quarter & 1);
                long highs = at + 128 + 32L * (eighth >>> 2);
                for (int i = 0; i < 32; i += LANES) {
                    IntVector low = down(octets(bytes, codes + i), 4 * (quarter >>> 1)).and(15);
                    IntVector high = down(octets(bytes, highs + i), 2 * quarter).and(3);
                    int scale = bytes.get(ValueLayout.JAVA_BYTE, at + 192 + 2L * eighth + i / 16);
                    floats(low.or(up(high, 4)).sub(32))
                            .mul(all * scale)
                            .intoArray(values, to + 32 * eighth + i);
                }
            }
        }
    };

    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final int LANES = INTS.length();

    /** As many bytes as there are lanes; of vectors of four integers they are no vector. */
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, 8 * LANES)));

    private static final IntVector EACH = IntVector.zero(INTS).addIndex(1);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int unitElements;
    private final int unitBytes;

    GgufFormat(int unitElements, int unitBytes) {
        this.unitElements = unitElements;
        this.unitBytes = unitBytes;
    }

    @Override
    public int unitElements() {
        return unitElements;
    }

    @Override
    public int unitBytes() {
        return unitBytes;
    }

    /** Makes a whole unit. */
    abstract void unit(MemorySegment bytes, long at, float[] values, int to);

    @Override
    public void load(
            MemorySegment bytes, long offset, long first, float[] values, int start, int count) {
        int done = 0;
        while (done < count) {
            long unit = (first + done) / unitElements;
            int skip = (int) ((first + done) % unitElements);
            long at = offset + unit * unitBytes;
            if (skip == 0 && count - done >= unitElements) {
                unit(bytes, at, values, start + done);
                done += unitElements;
            } else {
                float[] whole = new float[unitElements]; // the ends of a range alone
                unit(bytes, at, whole, 0);
                int part = Math.min(unitElements - skip, count - done);
                System.arraycopy(whole, skip, values, start + done, part);
                done += part;
            }
        }
    }

    static float half(MemorySegment bytes, long at) {
        return Float.float16ToFloat(bytes.get(SHORT, at));
    }

    /** As many bytes as there are lanes. */
    private static IntVector octets(MemorySegment bytes, long at) {
        if (LANES < BYTES.length()) {
            return IntVector.broadcast(INTS, bytes.get(INT, at))
                    .lanewise(VectorOperators.LSHR, EACH.mul(8))
                    .and(255);
        }
        return (IntVector)
                ByteVector.fromMemorySegment(BYTES, bytes, at, ByteOrder.LITTLE_ENDIAN)
                        .convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, 0);
    }

    private static FloatVector floats(IntVector codes) {
        return (FloatVector) codes.convert(VectorOperators.I2F, 0);
    }

    private static IntVector down(IntVector codes, int bits) {
        return codes.lanewise(VectorOperators.LSHR, bits);
    }

    private static IntVector up(IntVector codes, int bits) {
        return codes.lanewise(VectorOperators.LSHL, bits);
    }

    /** The fifth bit of each lane's code, of so many bits. */
    private static IntVector fifth(int bits) {
        return up(IntVector.broadcast(INTS, bits).lanewise(VectorOperators.LSHR, EACH).and(1), 4);
    }

    static int octet(MemorySegment bytes, long at) {
        return Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, at));
    }

    /** A group's scale of 6 bits, of the twelve bytes that eight groups share. */
    static int scale(MemorySegment bytes, long at, int group) {
        return group < 4
                ? octet(bytes, at + group) & 63
                : (octet(bytes, at + group + 4) & 15) | octet(bytes, at + group - 4) >>> 6 << 4;
    }

    /** A group's least value of 6 bits. */
    static int least(MemorySegment bytes, long at, int group) {
        return group < 4
                ? octet(bytes, at + group + 4) & 63
                : octet(bytes, at + group + 4) >>> 4 | octet(bytes, at + group) >>> 6 << 4;
    }
}
