package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * compressed-tensors' packed integers: W[o, i] = weight_scale[o, g] · (q[o, i] − z[o, g]). Rows of
 * {@code weight_packed} are words of the codes of an output, each 2^(bits − 1) larger than it is;
 * {@code weight_zero_point}, packed along the outputs, likewise.
 *
 * @param rows outputs
 * @param columns inputs
 * @param bits of a code, 4 or 8
 * @param groupSize inputs of a group; all of them for one scale an output
 * @param zeros whether there are zero points
 * @param ordered whether {@code weight_g_idx} says which group an input belongs to
 * @param scaleType of the scales
 * @param shapeType of {@code weight_shape}
 */
public record PackedRowsFormat(
        int rows,
        int columns,
        int bits,
        int groupSize,
        boolean zeros,
        boolean ordered,
        DType scaleType,
        DType shapeType)
        implements ScaledFormat {
    @Override
    public String name() {
        return "compressed-int" + bits + "-g" + groupSize;
    }

    @Override
    public int groups() {
        return (columns + groupSize - 1) / groupSize;
    }

    private int words(int codes) {
        int ofWord = Integer.SIZE / bits;
        return (codes + ofWord - 1) / ofWord;
    }

    @Override
    public List<TensorPart> parts() {
        long groups = groups();
        List<TensorPart> parts = new ArrayList<>();
        parts.add(
                new TensorPart(
                        "weight_packed",
                        TensorPart.Role.CODES,
                        DType.I32,
                        List.of((long) rows, (long) words(columns))));
        parts.add(
                new TensorPart(
                        "weight_scale",
                        TensorPart.Role.SCALES,
                        scaleType,
                        List.of((long) rows, groups)));
        if (zeros) {
            parts.add(
                    new TensorPart(
                            "weight_zero_point",
                            TensorPart.Role.ZEROS,
                            DType.I32,
                            List.of((long) words(rows), groups)));
        }
        if (ordered) {
            parts.add(
                    new TensorPart(
                            "weight_g_idx",
                            TensorPart.Role.GROUPS,
                            DType.I32,
                            List.of((long) columns),
                            groups()));
        }
        parts.add(new TensorPart("weight_shape", TensorPart.Role.TABLE, shapeType, List.of(2L)));
        return parts;
    }

    private long scalesAt() {
        return (long) rows * words(columns) * Integer.BYTES;
    }

    private long zerosAt() {
        return scalesAt() + (long) rows * groups() * scaleType.sizeBytes();
    }

    private long orderAt() {
        return zerosAt() + (zeros ? (long) words(rows) * groups() * Integer.BYTES : 0);
    }

    @Override
    public TileReader reader() {
        return new Tiles(this);
    }

    @Override
    public TileReader reader(Given scales) {
        return new Tiles(this).with(scales);
    }

    @Override
    public int scalesPart() {
        return 1;
    }

    @Override
    public boolean scalesByRow() {
        return true;
    }

    private static final class Tiles extends AffineTiles {
        private final PackedRowsFormat format;

        Tiles(PackedRowsFormat format) {
            super(format, format.bits, format.groupSize, format.ordered, 1);
            this.format = format;
        }

        @Override
        void fetch(MemorySegment bytes, long offset, int row, int rows, int from, int to) {
            fetchRows(bytes, offset, format.words(format.columns), row, rows, from, to);
        }

        @Override
        void scales(
                MemorySegment bytes,
                long offset,
                int row,
                int count,
                int group,
                float[] to,
                int at) {
            long groups = format.groups();
            for (int r = 0; r < count; r++) {
                long index = (row + r) * groups + group;
                to[at + r] = Scales.get(bytes, offset + format.scalesAt(), format.scaleType, index);
            }
        }

        @Override
        int zero(MemorySegment bytes, long offset, int row, int group) {
            if (!format.zeros) {
                return 1 << (format.bits - 1);
            }
            int ofWord = Integer.SIZE / format.bits;
            long word = (long) (row / ofWord) * format.groups() + group;
            return bytes.get(Elements.INT, offset + format.zerosAt() + word * Integer.BYTES)
                            >>> (format.bits * (row % ofWord))
                    & ((1 << format.bits) - 1);
        }

        @Override
        long orderAt() {
            return format.orderAt();
        }
    }
}
