package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * MXFP4: floats of 4 bits (E2M1), 32 of a row behind one power of two: W = value · 2^(scale − 127).
 * The first of two codes is in a byte's low half.
 *
 * @param rows outputs
 * @param columns inputs, a multiple of 32
 * @param codes the name of the codes behind the module's
 * @param scales the name of the scales
 * @param blocked whether the codes have an axis of their own for groups, as gpt-oss has
 */
public record MicroscaledFormat(int rows, int columns, String codes, String scales, boolean blocked)
        implements PackedFormat {
    /** Elements of a group. */
    public static final int GROUP = 32;

    private static final float[] VALUES = {
        0, .5f, 1, 1.5f, 2, 3, 4, 6, -0f, -.5f, -1, -1.5f, -2, -3, -4, -6
    };

    /** The bits of 2⁻¹²⁷, which is too small for an exponent of its own. */
    private static final int LEAST = 0x0040_0000;

    private static final int NO_NUMBER = 255;

    @Override
    public String name() {
        return "mxfp4";
    }

    @Override
    public List<TensorPart> parts() {
        long groups = columns / GROUP;
        List<Long> shape =
                blocked
                        ? List.of((long) rows, groups, (long) GROUP / 2)
                        : List.of((long) rows, columns / 2L);
        return List.of(
                new TensorPart(codes, TensorPart.Role.CODES, DType.U8, shape),
                new TensorPart(
                        scales, TensorPart.Role.EXPONENTS, DType.U8, List.of((long) rows, groups)));
    }

    /** 2^(exponent − 127). */
    static float power(int exponent) {
        return exponent == NO_NUMBER
                ? Float.NaN
                : Float.intBitsToFloat(exponent == 0 ? LEAST : exponent << 23);
    }

    @Override
    public TileReader reader() {
        return new Tiles(this);
    }

    private static final class Tiles extends GroupedTiles {
        private final int groups;
        private final long scalesAt;

        Tiles(MicroscaledFormat format) {
            super(format, 4, GROUP, 1);
            groups = format.columns / GROUP;
            scalesAt = (long) format.rows * format.columns / 2;
        }

        @Override
        void fetch(MemorySegment bytes, long offset, int row, int rows, int from, int to) {
            fetchRows(bytes, offset, width / ofWord, row, rows, from, to);
        }

        @Override
        void run(MemorySegment bytes, long offset, int row, Span span, Target target, long at) {
            long index = offset + scalesAt + (long) row * groups + span.group;
            float scale = power(Byte.toUnsignedInt(bytes.get(ValueLayout.JAVA_BYTE, index)));
            Nibbles.lookup(words, span.from, span.to, VALUES, scale, target, at);
        }
    }
}
