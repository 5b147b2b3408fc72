package io.millrace.model.file.gguf;

import io.millrace.memory.UnitFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

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
            for (int i = 0; i < 16; i++) {
                int code = octet(bytes, at + 2 + i);
                values[to + i] = scale * ((code & 15) - 8);
                values[to + 16 + i] = scale * ((code >>> 4) - 8);
            }
        }
    },
    /** A scale, a least value and 32 codes of 4 bits. */
    Q4_1(32, 20) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scale = half(bytes, at);
            float least = half(bytes, at + 2);
            for (int i = 0; i < 16; i++) {
                int code = octet(bytes, at + 4 + i);
                float low = scale * (code & 15);
                float high = scale * (code >>> 4);
                values[to + i] = low + least;
                values[to + 16 + i] = high + least;
            }
        }
    },
    /** A scale, 32 high bits and 32 codes of 4 bits, less 16. */
    Q5_0(32, 22) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scale = half(bytes, at);
            int high = bytes.get(INT, at + 2);
            for (int i = 0; i < 16; i++) {
                int code = octet(bytes, at + 6 + i);
                values[to + i] = scale * (((code & 15) | (high >>> i & 1) << 4) - 16);
                values[to + 16 + i] = scale * ((code >>> 4 | (high >>> (16 + i) & 1) << 4) - 16);
            }
        }
    },
    /** A scale and 32 integers of 8 bits. */
    Q8_0(32, 34) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float scale = half(bytes, at);
            for (int i = 0; i < 32; i++) {
                values[to + i] = bytes.get(ValueLayout.JAVA_BYTE, at + 2 + i) * scale;
            }
        }
    },
    /** Eight groups of 32 codes of 4 bits, each with a scale and a least value of 6 bits. */
    Q4_K(256, 144) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            for (int group = 0; group < 8; group++) {
                float scale = half(bytes, at) * scale(bytes, at + 4, group);
                float least = half(bytes, at + 2) * least(bytes, at + 4, group);
                long codes = at + 16 + group / 2 * 32L;
                for (int i = 0; i < 32; i++) {
                    int code = octet(bytes, codes + i) >>> (4 * (group & 1)) & 15;
                    float product = scale * code;
                    values[to + 32 * group + i] = product - least;
                }
            }
        }
    },
    /** The same of 5 bits, the fifth apart. */
    Q5_K(256, 176) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            for (int group = 0; group < 8; group++) {
                float scale = half(bytes, at) * scale(bytes, at + 4, group);
                float least = half(bytes, at + 2) * least(bytes, at + 4, group);
                long codes = at + 48 + group / 2 * 32L;
                for (int i = 0; i < 32; i++) {
                    int code = octet(bytes, codes + i) >>> (4 * (group & 1)) & 15;
                    code |= (octet(bytes, at + 16 + i) >>> group & 1) << 4;
                    float product = scale * code;
                    values[to + 32 * group + i] = product - least;
                }
            }
        }
    },
    /** Sixteen groups of 16 codes of 6 bits, less 32, each with a scale of 8 bits. */
    Q6_K(256, 210) {
        @Override
        void unit(MemorySegment bytes, long at, float[] values, int to) {
            float all = half(bytes, at + 208);
            for (int e = 0; e < 256; e++) {
                int i = e & 31;
                int quarter = e >>> 5 & 3;
                int half = e >>> 7;
                int low = octet(bytes, at + 64L * half + 32L * (quarter & 1) + i);
                int high = octet(bytes, at + 128 + 32L * half + i) >>> (2 * quarter) & 3;
                int code = ((low >>> (4 * (quarter >>> 1)) & 15) | high << 4) - 32;
                float scale = all * bytes.get(ValueLayout.JAVA_BYTE, at + 192 + e / 16);
                values[to + e] = scale * code;
            }
        }
    };

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
