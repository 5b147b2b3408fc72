package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A byte an element and scales beside them: W[o, i] = code[o, i] · scale, or (code − zero) · scale,
 * one scale for a rectangle of the matrix. Bytes are integers, or floats of E4M3.
 *
 * @param rows outputs
 * @param columns inputs
 * @param codes their type, I8 or F8_E4M3
 * @param scales where scales are
 * @param blockRows rows that share a scale
 * @param blockColumns columns that share a scale
 * @param zeros whether there is a zero point of I8 for each scale, {@code weight_zero_point}
 */
public record ScaledBytesFormat(
        int rows,
        int columns,
        DType codes,
        ScalePart scales,
        int blockRows,
        int blockColumns,
        boolean zeros)
        implements PackedFormat {
    private static final int SIGNS = 0x8080_8080;
    private static final int SIGN = 128;
    private static final float LLM_INT8 = (float) 7.874015718698502e-3;

    /**
     * The array of scales.
     *
     * @param suffix its name behind the module's
     * @param dtype of a scale
     * @param shape as the file has it, row by row of rectangles
     */
    public record ScalePart(String suffix, DType dtype, List<Long> shape) {
        /** Freezes the shape. */
        public ScalePart {
            shape = List.copyOf(shape);
        }

        /** Whether they are absolute maxima of rows, 127 times as large as a scale. */
        boolean areMaxima() {
            return suffix.equals("SCB");
        }
    }

    @Override
    public String name() {
        return codes == DType.I8 ? "int8-scaled" : "fp8-scaled";
    }

    /** Rectangles side by side. */
    public int across() {
        return (columns + blockColumns - 1) / blockColumns;
    }

    /** A factor on each product with a scale; 1 for none. */
    public float factor() {
        // bitsandbytes' own 1 / 127 comes after the first product.
        return scales.areMaxima() ? LLM_INT8 : 1;
    }

    @Override
    public List<TensorPart> parts() {
        List<Long> shape = List.of((long) rows, (long) columns);
        List<TensorPart> parts = new ArrayList<>();
        parts.add(new TensorPart("weight", TensorPart.Role.CODES, codes, shape));
        parts.add(
                new TensorPart(
                        scales.suffix,
                        scales.areMaxima() ? TensorPart.Role.RANGES : TensorPart.Role.SCALES,
                        scales.dtype,
                        scales.shape));
        if (zeros) {
            parts.add(
                    new TensorPart(
                            "weight_zero_point", TensorPart.Role.ZEROS, DType.I8, scales.shape));
        }
        return parts;
    }

    @Override
    public TileReader reader() {
        return new Tiles(this);
    }

    private static final class Tiles extends GroupedTiles {
        private final ScaledBytesFormat format;
        private final boolean integers;
        private final long scalesAt;
        private final long zerosAt;

        Tiles(ScaledBytesFormat format) {
            super(format, 8, format.blockColumns, 1);
            this.format = format;
            integers = format.codes == DType.I8;
            scalesAt = (long) format.rows * format.columns;
            zerosAt = scalesAt + format.scales.dtype.bytes(format.scales.shape);
        }

        @Override
        void fetch(MemorySegment bytes, long offset, int row, int rows, int from, int to) {
            fetchBytes(bytes, offset, format.columns, row, rows, from, to);
            if (integers) {
                for (int i = 0; i < rows * stride; i++) {
                    words[i] ^= SIGNS; // as codes from 0 on
                }
            }
        }

        @Override
        void run(MemorySegment bytes, long offset, int row, Span span, Target target, long at) {
            long index = (long) (row / format.blockRows) * format.across() + span.group;
            float scale = Scales.get(bytes, offset + scalesAt, format.scales.dtype, index);
            if (!integers) {
                Octets.e4m3(words, span.from, span.to, scale, target, at);
                return;
            }
            int zero = SIGN;
            if (format.zeros) {
                zero += bytes.get(ValueLayout.JAVA_BYTE, offset + zerosAt + index);
            }
            Octets.affine(words, span.from, span.to, zero, scale, format.factor(), target, at);
        }
    }
}
