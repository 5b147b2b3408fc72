package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TileReader;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * W[o, i] = scales[g, o] · (q[i, o] − z[g, o]), g the group of input i. Word w of column o of {@code
 * qweight} [in · bits / 32, out] has the codes of the inputs w · 32 / bits …, the first in its lowest
 * bits; {@code qzeros} [groups, out · bits / 32] are packed along the outputs likewise.
 *
 * @param rows outputs
 * @param columns inputs
 * @param bits of a code, 4 or 8
 * @param groupSize inputs of a group
 * @param zerosLessOne whether zero points are stored less one, as the first version of the format
 *     has them
 * @param ordered whether {@code g_idx} says which group an input belongs to
 * @param scaleType of the scales
 */
public record GptqFormat(
        int rows,
        int columns,
        int bits,
        int groupSize,
        boolean zerosLessOne,
        boolean ordered,
        DType scaleType)
        implements ScaledFormat {
    private static final int TILE_ROWS = 32;
    private static final int SCALES_PART = 2;

    @Override
    public String name() {
        return "gptq-int" + bits + "-g" + groupSize;
    }

    @Override
    public int groups() {
        return (columns + groupSize - 1) / groupSize;
    }

    @Override
    public List<TensorPart> parts() {
        long groups = groups();
        TensorPart codes =
                new TensorPart(
                        "qweight",
                        TensorPart.Role.CODES,
                        DType.I32,
                        List.of(columns * (long) bits / 32, (long) rows));
        TensorPart zeros =
                new TensorPart(
                        "qzeros",
                        TensorPart.Role.ZEROS,
                        DType.I32,
                        List.of(groups, rows * (long) bits / 32));
        TensorPart scales =
                new TensorPart(
                        "scales",
                        TensorPart.Role.SCALES,
                        scaleType,
                        List.of(groups, (long) rows));
        TensorPart order =
                new TensorPart(
                        "g_idx",
                        TensorPart.Role.GROUPS,
                        DType.I32,
                        List.of((long) columns),
                        groups());
        return ordered ? List.of(codes, zeros, scales, order) : List.of(codes, zeros, scales);
    }

    @Override
    public int tileRows() {
        return TILE_ROWS;
    }

    @Override
    public TileReader reader() {
        return reader(Optional.empty());
    }

    @Override
    public TileReader reader(Given scales) {
        return reader(Optional.of(scales));
    }

    private TileReader reader(Optional<Given> scales) {
        return ordered ? new Ordered(this, scales) : new Grouped(this, scales);
    }

    @Override
    public int scalesPart() {
        return SCALES_PART;
    }

    @Override
    public boolean scalesByRow() {
        return false;
    }

    private long zerosAt() {
        return (long) columns / (Integer.SIZE / bits) * rows * Integer.BYTES;
    }

    private long scalesAt() {
        return zerosAt() + (long) groups() * rows / (Integer.SIZE / bits) * Integer.BYTES;
    }

    private long orderAt() {
        return scalesAt() + (long) groups() * rows * scaleType.sizeBytes();
    }

    private float scale(MemorySegment bytes, long offset, int row, int group) {
        return Scales.get(bytes, offset + scalesAt(), scaleType, (long) group * rows + row);
    }

    private int zero(MemorySegment bytes, long offset, int row, int group) {
        int perWord = Integer.SIZE / bits;
        long word = (long) group * (rows / perWord) + row / perWord;
        int stored =
                bytes.get(Elements.INT, offset + zerosAt() + word * Integer.BYTES)
                        >>> bits * (row % perWord);
        return (stored + (zerosLessOne ? 1 : 0)) & (1 << bits) - 1;
    }

    /** Words lie output by output: as few as they are beside the codes, they are turned first. */
    private static final class Grouped extends GroupedTiles {
        private final GptqFormat format;
        private final Optional<Given> other;
        private int[] line = new int[0];

        Grouped(GptqFormat format, Optional<Given> other) {
            super(format, format.bits, format.groupSize);
            this.format = format;
            this.other = other;
        }

        @Override
        void fetch(MemorySegment bytes, long offset, int row, int rows, int from, int to) {
            line = format.fetch(bytes, offset, row, rows, from, to, words, stride, line);
        }

        @Override
        void run(
                MemorySegment bytes,
                long offset,
                int row,
                int group,
                int first,
                int from,
                int to,
                float[] values,
                int at) {
            int zero = format.zero(bytes, offset, row, group);
            float scale =
                    other.isPresent()
                            ? other.get().at(row, group)
                            : format.scale(bytes, offset, row, group);
            Codes.affine(words, format.bits, from, to, zero, scale, values, at);
        }
    }

    private int[] fetch(
            MemorySegment bytes,
            long offset,
            int row,
            int height,
            int from,
            int to,
            int[] words,
            int stride,
            int[] scratch) {
        int[] line = scratch.length < height ? new int[height] : scratch;
        for (int word = from; word < to; word++) {
            long at = offset + ((long) word * rows + row) * Integer.BYTES;
            MemorySegment.copy(bytes, Elements.INT, at, line, 0, height);
            for (int r = 0; r < height; r++) {
                words[r * stride + word - from] = line[r];
            }
        }
        return line;
    }

    /** Every input has a group of its own: what all groups have of a row is laid out first. */
    private static final class Ordered implements TileReader {
        private final GptqFormat format;
        private final float[] scales;
        private final int[] zeros;
        private final Optional<Given> other;
        private int[] words = new int[0];
        private int[] line = new int[0];
        private int[] order = new int[0];

        Ordered(GptqFormat format, Optional<Given> other) {
            this.format = format;
            this.other = other;
            scales = new float[format.groups()];
            zeros = new int[format.groups()];
        }

        @Override
        public void tile(
                MemorySegment bytes,
                long offset,
                int row,
                int rows,
                int column,
                int columns,
                float[] values,
                int start) {
            int perWord = Integer.SIZE / format.bits;
            int from = column / perWord;
            int to = (column + columns + perWord - 1) / perWord;
            int stride = to - from;
            if (words.length < rows * stride) {
                words = new int[rows * stride];
            }
            if (order.length < columns) {
                order = new int[columns];
            }
            long groups = offset + format.orderAt() + (long) column * Integer.BYTES;
            MemorySegment.copy(bytes, Elements.INT, groups, order, 0, columns);
            line = format.fetch(bytes, offset, row, rows, from, to, words, stride, line);
            for (int r = 0; r < rows; r++) {
                for (int group = 0; group < scales.length; group++) {
                    scales[group] =
                            other.isPresent()
                                    ? other.get().at(row + r, group)
                                    : format.scale(bytes, offset, row + r, group);
                    zeros[group] = format.zero(bytes, offset, row + r, group);
                }
                int first = (r * stride - from) * perWord + column;
                for (int c = 0; c < columns; c++) {
                    int group = order[c];
                    int code = Codes.code(words, format.bits, first + c);
                    values[start + r * columns + c] = (code - zeros[group]) * scales[group];
                }
            }
        }
    }
}
